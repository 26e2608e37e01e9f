"""Bound on the number of series that a run writes.

Rule: a series that was written continues; a new one beyond the bound is not started, and its points
are counted. InfluxDB 1.x refuses whole batches beyond `max-series-per-database`, and every version
pays memory for each series as long as its data is kept: a tag with a client id that is new at each
start grows without end.
"""

from collections import Counter

OWN = "jmxbridge_"
"""Prefix of the bridge's own measurements, which are written even beyond the bound."""


class SeriesBound:
    """Counts series by measurement and by hash of the key: 100 bytes each, wrong once in 2^40.

    `refused` counts the points, not the series, that the bound excluded.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.refused = 0
        self._known: set[int] = set()
        self._by_measurement: Counter[str] = Counter()

    @property
    def count(self) -> int:
        """Number of series written so far."""
        return len(self._known)

    @property
    def largest(self) -> str:
        """Measurement with the most series; empty before the first."""
        return max(self._by_measurement, key=lambda name: self._by_measurement[name], default="")

    def admits(self, measurement: str, key: str) -> bool:
        """Tell whether a point of this series may be written; count the point if not."""
        number = hash(key)
        if number in self._known:
            return True
        if len(self._known) >= self.limit and not measurement.startswith(OWN):
            self.refused += 1
            return False
        self._known.add(number)
        self._by_measurement[measurement] += 1
        return True
