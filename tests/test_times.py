"""Timestamps for people."""

from jmxbridge.times import NS, in_utc


def test_in_utc_drops_fractions_of_a_second() -> None:
    """RFC 3339, whatever the time zone of the machine."""
    assert in_utc(1_700_000_000 * NS + NS - 1) == "2023-11-14T22:13:20Z"
