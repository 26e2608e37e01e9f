"""What a group has lost or is about to lose, in words: records unread, and what it had read.

Rule: what is far off is not said; it would be read once and never again. Near is a quarter of the
time that things are kept, of a week the last two days: whoever comes back from a weekend can act.

How long a group without members keeps its place is known where the service saw its last member
leave, or saw it empty first: it is a bound, and said as one.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from jmxbridge.lag.history.lag_history import Assessment
from jmxbridge.lag.rows import Lags

NEAR_SHARE = 0.25

_UNITS = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))


def losses(
    lags: Lags,
    verdicts: Assessment,
    kept_s: Mapping[str, float],
    offsets_kept_s: float,
) -> dict[str, Sequence[str]]:
    """Return sentences by group, without their ends; groups that lose nothing are left out.

    `kept_s` is how long topics keep records, `offsets_kept_s` how long a group keeps its place.
    """
    found: dict[str, list[str]] = {}
    for group, sentence in _sentences(lags, verdicts, kept_s, offsets_kept_s):
        found.setdefault(group, []).append(sentence)
    return {group: tuple(sentences) for group, sentences in found.items()}


def span(seconds: float) -> str:
    """Write a span of time in two units, the smaller one rounded down: `1 d 4 h`, `40 s`."""
    left = int(seconds)
    for (unit, size), (below, smaller) in pairwise(_UNITS):
        if left >= size:
            rest = left % size // smaller
            return f"{left // size} {unit}" + (f" {rest} {below}" if rest else "")
    return f"{left} s"


def _sentences(
    lags: Lags, verdicts: Assessment, kept_s: Mapping[str, float], offsets_kept_s: float
) -> Iterator[tuple[str, str]]:
    for topic, rows in lags.by_topic():
        what = f"what it has not read of {topic.topic}"
        left_s = verdicts.retention_risk_s.get((topic.group, topic.topic))
        if expired := sum(row.expired for row in rows):
            were = "record was" if expired == 1 else "records were"
            yield topic.group, f"{expired:,} {were} deleted from {topic.topic} before it read them"
        elif left_s == 0.0:
            yield topic.group, f"{what} is older than retention.ms and may be deleted at any moment"
        elif left_s is not None and left_s < NEAR_SHARE * kept_s[topic.topic]:
            yield (
                topic.group,
                f"{what} may be deleted in {span(left_s)}, then as old as retention.ms",
            )
    for group, left_s in verdicts.expires_in_s.items():
        if left_s < NEAR_SHARE * offsets_kept_s:
            yield group, f"it has no members; Kafka forgets what it read in at most {span(left_s)}"
