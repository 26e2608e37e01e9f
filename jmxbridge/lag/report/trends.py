"""Lag of each group and topic over the last looks, for graphs."""

from collections import deque
from collections.abc import Sequence

from jmxbridge.kafka.facts.snapshot import Snapshot
from jmxbridge.lag.rows import Lags

LOOKS = 60
"""Looks in a graph: as many characters as fit next to a topic's name."""


class Trends:
    """Sums of lag by group and topic, one for each look that could read them."""

    def __init__(self) -> None:
        self._trends: dict[tuple[str, str], deque[int]] = {}

    def take(self, lags: Lags, snapshot: Snapshot) -> dict[tuple[str, str], Sequence[int]]:
        """Take one look; return the trends of what has a lag now, the latest sum last.

        A trend that could not be read now is kept for a later look. A group that no broker lists
        may be listed by one that did not answer, so it is kept in an incomplete snapshot.
        """
        sums = {(row.group, row.topic): row.lag_sum for row in lags.topics}
        answered = snapshot.commits.keys() | snapshot.gone
        self._trends = {
            key: trend
            for key, trend in self._trends.items()
            if key in sums or not (snapshot.complete or key[0] in answered)
        }
        for key, lag_sum in sums.items():
            if lag_sum is not None:
                self._trends.setdefault(key, deque(maxlen=LOOKS)).append(lag_sum)
        return {
            key: tuple(trend) for key, trend in self._trends.items() if sums.get(key) is not None
        }
