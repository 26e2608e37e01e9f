"""Lengths of time in nanoseconds, the unit of every timestamp here; timestamps for people."""

from datetime import UTC, datetime

NS = 1_000_000_000
"""A second."""

MS = NS // 1000
"""A millisecond."""


def in_utc(time_ns: int) -> str:
    """Return a timestamp as RFC 3339 has it, in UTC and whole seconds."""
    return datetime.fromtimestamp(time_ns // NS, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
