"""Lag of consumer groups, computed from offsets. No I/O, no clock."""
