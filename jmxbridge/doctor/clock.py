"""Examination of this machine's clock: is it synchronized, and does it agree with InfluxDB's?

The points of a poll have this clock's time. If it is ahead, a query up to `now()` misses the newest
points; if it is behind, alerts come late.
"""

import ctypes
from datetime import datetime
from email.utils import parsedate_to_datetime

from jmxbridge.doctor.finding import Area, Finding

TIME_ERROR = 5
"""Value that adjtimex(2) returns for an unsynchronized clock."""

_TIMEX_BYTES = 512
"""Larger than any struct timex; all zeros query the clock and change nothing."""

_SYNCHRONIZE = "Start chrony, systemd-timesyncd or another NTP client"


def is_synchronized() -> bool | None:
    """Ask the kernel whether its clock is synchronized; None if it does not tell."""
    timex = ctypes.create_string_buffer(_TIMEX_BYTES)
    try:
        state: int = ctypes.CDLL(None).adjtimex(timex)
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != TIME_ERROR


def ahead_s(asked_s: float, answered_s: float, date: str | None) -> float | None:
    """Return the least number of seconds that our clock is ahead of an HTTP Date; None: no date.

    A Date has whole seconds, truncated, and was written between the request and its answer: 0 means
    that both clocks may agree, a negative number that ours is behind.
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


def examine_clock(*, synchronized: bool | None, ahead: float | None, interval_s: float) -> Area:
    """Compare with the file's interval: an error of half of it moves points to another tick."""
    findings = []
    if synchronized is False:
        problem = "the kernel reports that this machine's clock is not synchronized"
        findings.append(Finding("", problem, _SYNCHRONIZE))
    if ahead is not None and abs(ahead) > interval_s / 2:
        side = "ahead of" if ahead > 0 else "behind"
        problem = f"this machine's clock is at least {abs(ahead):.1f} s {side} InfluxDB's"
        findings.append(Finding("", problem, f"{_SYNCHRONIZE} on both machines"))
    notes = ["the kernel does not tell whether it is synchronized"] if synchronized is None else []
    if ahead is not None:
        notes.append(
            f"at least {ahead:+.1f} s to InfluxDB's" if ahead else "agrees with InfluxDB's"
        )
    return Area("clock", tuple(findings), tuple(notes))
