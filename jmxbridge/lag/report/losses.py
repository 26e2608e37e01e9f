"""Losses of a group in words: records deleted unread, and offsets that Kafka will forget.

Rules:

1. A loss far ahead is not reported; a sentence shown every day is soon not read. Near is a quarter
   of the retention time, the last two days of a week: time enough after a weekend.
2. How long a group without members keeps its offsets is known from when `run` saw its last member
   leave, or first saw it empty. It is an upper bound and worded as one.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from jmxbridge.lag.history.assessment import Assessment

NEAR_SHARE = 0.25

_UNITS = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))


def losses(
    assessment: Assessment, *, retention_s: Mapping[str, float], offsets_retention_s: float
) -> dict[str, Sequence[str]]:
    """Return sentences by group, without full stops; groups that lose nothing are left out.

    `retention_s` is how long topics keep records, `offsets_retention_s` how long an empty group
    keeps its offsets.
    """
    sentences: dict[str, list[str]] = {}
    for group, sentence in _sentences(assessment, retention_s, offsets_retention_s):
        sentences.setdefault(group, []).append(sentence)
    return {group: tuple(of_group) for group, of_group in sentences.items()}


def span(seconds: float) -> str:
    """Return a span of time in two units, the smaller one rounded down: `1 d 4 h`, `40 s`."""
    left = int(seconds)
    for (unit, size), (smaller_unit, smaller_size) in pairwise(_UNITS):
        if left >= size:
            rest = left % size // smaller_size
            return f"{left // size} {unit}" + (f" {rest} {smaller_unit}" if rest else "")
    return f"{left} s"


def _sentences(
    assessment: Assessment, retention_s: Mapping[str, float], offsets_retention_s: float
) -> Iterator[tuple[str, str]]:
    for topic, rows in assessment.lags.by_topic():
        unread = f"unread records of {topic.topic}"
        left_s = assessment.retention_risk_s.get((topic.group, topic.topic))
        if expired := sum(row.expired for row in rows):
            records = "record was" if expired == 1 else "records were"
            yield topic.group, f"{expired:,} {records} deleted from {topic.topic} unread"
        elif left_s == 0.0:
            yield (
                topic.group,
                f"{unread} are older than retention.ms and may be deleted at any moment",
            )
        elif left_s is not None and left_s < NEAR_SHARE * retention_s[topic.topic]:
            yield (
                topic.group,
                f"{unread} may be deleted in {span(left_s)}, when they reach retention.ms",
            )
    for group, left_s in assessment.expires_in_s.items():
        if left_s < NEAR_SHARE * offsets_retention_s:
            yield (
                group,
                f"it has no members; Kafka deletes its offsets in at most {span(left_s)}",
            )
