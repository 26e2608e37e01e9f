"""This machine's clock: does anything keep it, and does it go with InfluxDB's?

A poll's points carry this clock's time. Where it is ahead, a query up to `now()` misses the last of
them; where it is behind, alerts see late what happens.
"""

import ctypes
from datetime import datetime
from email.utils import parsedate_to_datetime

from jmxbridge.doctor.finding import Area, Finding

TIME_ERROR = 5
"""What adjtimex(2) returns for a clock that nothing keeps."""

_TIMEX_BYTES = 512
"""More than any struct timex; all zero it asks and changes nothing."""

_KEEP = "Start chrony, systemd-timesyncd or another NTP client"


def is_kept() -> bool | None:
    """Ask the kernel whether something keeps its clock; None where it does not say."""
    question = ctypes.create_string_buffer(_TIMEX_BYTES)
    try:
        state: int = ctypes.CDLL(None).adjtimex(question)
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != TIME_ERROR


def ahead_s(asked_s: float, answered_s: float, date: str | None) -> float | None:
    """Return by how many seconds we are at least ahead of who wrote an HTTP Date; None: no date.

    A Date has whole seconds, cut, and was written at some instant between question and answer:
    0 says that both may be right, a negative number that we are behind.
    """
    try:
        server: datetime = parsedate_to_datetime(date or "")
    except ValueError:
        return None
    least = asked_s - (server.timestamp() + 1)
    most = answered_s - server.timestamp()
    if least <= 0 <= most:
        return 0.0
    return least if least > 0 else most


def examine_clock(*, kept: bool | None, ahead: float | None, interval_s: float) -> Area:
    """Judge by the file's interval: what is off by half of it falls on another tick."""
    found = []
    if kept is False:
        found.append(Finding("", "nothing keeps this machine's clock, says the kernel", _KEEP))
    if ahead is not None and abs(ahead) > interval_s / 2:
        side = "ahead of" if ahead > 0 else "behind"
        said = f"this machine's clock is at least {abs(ahead):.1f} s {side} InfluxDB's"
        found.append(Finding("", said, f"{_KEEP}, here and there"))
    notes = ["the kernel does not say whether anything keeps it"] if kept is None else []
    if ahead is not None:
        notes.append(f"at least {ahead:+.1f} s to InfluxDB's" if ahead else "goes with InfluxDB's")
    return Area("clock", tuple(found), tuple(notes))
