"""Lengths of time in nanoseconds, the unit of every timestamp here."""

NS = 1_000_000_000
"""A second."""

MS = NS // 1000
"""A millisecond."""
