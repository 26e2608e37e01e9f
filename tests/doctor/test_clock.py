"""Examination of the clock, compared with an HTTP Date of whole seconds."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.doctor.clock import ahead_s, examine_clock, is_synchronized

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


@given(
    true_s=st.floats(-86_400, 86_400),
    before_s=st.floats(0, 5),
    after_s=st.floats(0, 5),
)
def test_clock_offset_is_a_lower_bound(true_s: float, before_s: float, after_s: float) -> None:
    """Whatever the request takes: at least so many seconds, on the right side, or 0."""
    written = NOON + timedelta(seconds=0.75)
    ours = written.timestamp() + true_s
    offset_s = ahead_s(ours - before_s, ours + after_s, format_datetime(written, usegmt=True))
    assert offset_s is not None
    assert offset_s * true_s >= 0
    assert abs(offset_s) <= abs(true_s) + 1e-6
    assert abs(true_s) - abs(offset_s) <= 1 + before_s + after_s + 1e-6


@pytest.mark.parametrize("date", [None, "", "yesterday"])
def test_clock_offset_is_unknown_without_a_date(date: str | None) -> None:
    """A server or proxy that sends no Date is not an error."""
    assert ahead_s(0, 1, date) is None


@pytest.mark.parametrize(
    ("ahead", "problems"),
    [
        (0.0, []),
        (4.9, []),
        (5.1, ["this machine's clock is at least 5.1 s ahead of InfluxDB's"]),
        (-61.0, ["this machine's clock is at least 61.0 s behind InfluxDB's"]),
        (None, []),
    ],
)
def test_clock_offset_of_half_an_interval_is_a_finding(
    ahead: float | None, problems: list[str]
) -> None:
    """A larger offset moves points to another tick than the points of other machines."""
    area = examine_clock(synchronized=True, ahead=ahead, interval_s=10.0)
    assert [finding.problem for finding in area.findings] == problems


def test_an_unsynchronized_clock_is_a_finding() -> None:
    """If the kernel does not tell, there is no finding."""
    (finding,) = examine_clock(synchronized=False, ahead=None, interval_s=10.0).findings
    assert "NTP" in finding.fix
    unknown = examine_clock(synchronized=None, ahead=None, interval_s=10.0)
    assert (unknown.findings, len(unknown.notes)) == ((), 1)


def test_the_kernel_clock_is_read_and_not_set() -> None:
    """An answer or none; the query needs no permission."""
    assert is_synchronized() in (True, False, None)
