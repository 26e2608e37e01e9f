"""Losses of a group in words."""

from collections.abc import Mapping

import pytest

from jmxbridge.kafka.facts.snapshot import Group, Snapshot
from jmxbridge.lag.history.assessment import Assessment
from jmxbridge.lag.report.losses import losses, span
from jmxbridge.lag.rows import compute_lags

DAY_S = 86_400.0
RETENTION_S = {"t": 7 * DAY_S}


def losses_of(
    *,
    start: int = 0,
    retention_risk_s: float | None = None,
    expires_s: float | None = None,
    retention_s: Mapping[str, float] = RETENTION_S,
) -> tuple[str, ...]:
    """Return the losses of a group that has read 5 of 10 records."""
    snapshot = Snapshot(
        groups={"g": Group("g", 1)},
        commits={"g": {"t": {0: 5}}},
        end_offsets={"t": {0: 10}},
        start_offsets={"t": {0: start}},
    )
    assessment = Assessment(
        compute_lags(snapshot),
        retention_risk_s={} if retention_risk_s is None else {("g", "t"): retention_risk_s},
        expires_in_s={} if expires_s is None else {"g": expires_s},
    )
    sentences = losses(assessment, retention_s=retention_s, offsets_retention_s=7 * DAY_S)
    return tuple(sentences.get("g", ()))


@pytest.mark.parametrize(
    ("start", "retention_risk_s", "expected"),
    [
        (0, None, ()),
        (0, 3 * DAY_S, ()),
        (
            *(0, DAY_S + 4 * 3600 + 59),
            ("unread records of t may be deleted in 1 d 4 h, when they reach retention.ms",),
        ),
        (
            *(0, 0.0),
            ("unread records of t are older than retention.ms and may be deleted at any moment",),
        ),
        (6, 0.0, ("1 record was deleted from t unread",)),
        (8, None, ("3 records were deleted from t unread",)),
    ],
)
def test_losses_by_retention(
    start: int, retention_risk_s: float | None, expected: tuple[str, ...]
) -> None:
    """Deleted records, records that may go at any moment, records in their last quarter."""
    assert losses_of(start=start, retention_risk_s=retention_risk_s) == expected


def test_losses_of_an_empty_groups_offsets() -> None:
    """In the last quarter of the time that Kafka keeps them."""
    assert losses_of(expires_s=2 * DAY_S) == ()
    assert losses_of(expires_s=DAY_S + 90 * 60) == (
        "it has no members; Kafka deletes its offsets in at most 1 d 1 h",
    )


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.9, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (61, "1 min 1 s"),
        (3600, "1 h"),
        (7260, "2 h 1 min"),
        (8 * DAY_S + 3600, "8 d 1 h"),
    ],
)
def test_span_has_two_units(seconds: float, expected: str) -> None:
    """Rounded down: the time left is never overstated."""
    assert span(seconds) == expected
