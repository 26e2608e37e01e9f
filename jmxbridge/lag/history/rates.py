"""Rates of a group and a topic: records written and read a second, time until the lag is gone.

Rules:

1. Rates are over the last seven polls, about a minute. Over two polls alone, a consumer that
   commits every five seconds seems to stop and start.
2. There is no rate across sums that leave out other partitions than the ones before, an end offset
   that went back or a commit that went back. Counting starts again there.
3. There is a time to catch up only where the group gains on the topic by more than a twentieth of
   what it reads. Below that it is noise that divides by almost nothing: days at one poll, never at
   the next.
"""

from collections import deque
from collections.abc import Collection
from typing import NamedTuple

from jmxbridge.lag.rows import Lags, TopicLag
from jmxbridge.times import NS

POLLS = 7
DEAD_BAND = 0.05
MAX_ETA_S = 30 * 86_400.0
"""More than a month ahead counts as never."""


class Rate(NamedTuple):
    """Records a second written to a topic and read by a group; seconds until there is no lag."""

    incoming: float
    outgoing: float
    eta_s: float | None


class _TopicSums(NamedTuple):
    time_ns: int
    partitions: int
    offsets: int
    ends: int


class Rates:
    """Sums of the last polls, by group and topic."""

    def __init__(self) -> None:
        self._polls: dict[tuple[str, str], deque[_TopicSums]] = {}

    def forget(self, topics: Collection[str]) -> None:
        """Forget topics that were deleted and created again."""
        self._polls = {
            (group, topic): polls
            for (group, topic), polls in self._polls.items()
            if topic not in topics
        }

    def take(self, lags: Lags, time_ns: int) -> dict[tuple[str, str], Rate]:
        """Take the sums of one poll; return the rates by group and topic, where there are any."""
        rates: dict[tuple[str, str], Rate] = {}
        kept: dict[tuple[str, str], deque[_TopicSums]] = {}
        for row in lags.topics:
            if row.offset_sum is None or row.end_offset_sum is None:
                continue
            key = (row.group, row.topic)
            polls = kept[key] = self._polls.get(key) or deque(maxlen=POLLS)
            now = _TopicSums(time_ns, row.partitions_known, row.offset_sum, row.end_offset_sum)
            if polls and not _follows(polls[-1], now):
                polls.clear()
            polls.append(now)
            if len(polls) > 1:
                rates[key] = _rate(polls[0], now, row)
        self._polls = kept
        return rates


def _follows(last: _TopicSums, now: _TopicSums) -> bool:
    return (
        now.time_ns > last.time_ns
        and now.partitions == last.partitions
        and now.offsets >= last.offsets
        and now.ends >= last.ends
    )


def _rate(first: _TopicSums, now: _TopicSums, row: TopicLag) -> Rate:
    seconds = (now.time_ns - first.time_ns) / NS
    incoming = (now.ends - first.ends) / seconds
    outgoing = (now.offsets - first.offsets) / seconds
    gain = outgoing - incoming
    eta_s = None
    if row.lag_sum == 0:
        eta_s = 0.0
    elif row.lag_sum is not None and gain > DEAD_BAND * outgoing:
        eta_s = row.lag_sum / gain
    return Rate(incoming, outgoing, eta_s if eta_s is not None and eta_s <= MAX_ETA_S else None)
