"""Offsets to lag. No I/O, no clock."""
