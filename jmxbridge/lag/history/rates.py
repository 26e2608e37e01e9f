"""How fast a topic grows, how fast a group reads it, and when it will have caught up.

Rules:

1. Rates are over the last minute or so (seven polls): between two polls alone a consumer that
   commits every five seconds looks as if it read by fits and starts.
2. A sum that leaves out other partitions than the one before it, an end that went back and a
   commit that went back are no rates. The count begins anew.
3. There is a time of arrival only where the group gains on the topic by more than a twentieth of
   what it reads. Below that it is noise that divides by almost nothing: days now, never a poll
   later.
"""

from collections import deque
from collections.abc import Collection
from typing import NamedTuple

from jmxbridge.lag.rows import Lags, TopicLag
from jmxbridge.times import NS

POLLS = 7
DEAD_BAND = 0.05
MAX_ETA_S = 30 * 86_400.0
"""A month ahead is as good as never."""


class Rate(NamedTuple):
    """Records a second written to a topic and read by a group; seconds until there is no lag."""

    incoming: float
    outgoing: float
    eta_s: float | None


class _Sums(NamedTuple):
    time_ns: int
    partitions: int
    offsets: int
    ends: int


class Rates:
    """The sums of the last polls, by group and topic."""

    def __init__(self) -> None:
        self._past: dict[tuple[str, str], deque[_Sums]] = {}

    def forget(self, topics: Collection[str]) -> None:
        """Forget topics that are others by now."""
        self._past = {at: past for at, past in self._past.items() if at[1] not in topics}

    def take(self, lags: Lags, time_ns: int) -> dict[tuple[str, str], Rate]:
        """Take the sums of one poll; return the rates of those topics that have a past."""
        rates: dict[tuple[str, str], Rate] = {}
        seen: dict[tuple[str, str], deque[_Sums]] = {}
        for row in lags.topics:
            if row.offset_sum is None or row.end_offset_sum is None:
                continue
            at = (row.group, row.topic)
            past = seen[at] = self._past.get(at) or deque(maxlen=POLLS)
            now = _Sums(time_ns, row.partitions_known, row.offset_sum, row.end_offset_sum)
            if past and not _follows(past[-1], now):
                past.clear()
            past.append(now)
            if len(past) > 1:
                rates[at] = _rate(past[0], now, row)
        self._past = seen
        return rates


def _follows(last: _Sums, now: _Sums) -> bool:
    return (
        now.time_ns > last.time_ns
        and now.partitions == last.partitions
        and now.offsets >= last.offsets
        and now.ends >= last.ends
    )


def _rate(first: _Sums, now: _Sums, row: TopicLag) -> Rate:
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
