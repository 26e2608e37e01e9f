"""How many series a run has written, and the bound on that.

Rule: a series that was written goes on; one more than the bound is not begun, is counted, and is
named once. InfluxDB 1.x refuses whole batches beyond `max-series-per-database`, and every version
pays for each series in memory for as long as its data is kept: a client id that is new at each
start, in a tag, grows without an end.
"""

from collections import Counter

# What tells how we are doing is written whatever else is not.
OWN = "jmxbridge_"


class SeriesBound:
    """Counts series by measurement and key, as hashes: 100 bytes a series, wrong once in 2^40.

    `refused` counts the points, not the series, that the bound kept out.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.refused = 0
        self._known: set[int] = set()
        self._by_measurement: Counter[str] = Counter()

    @property
    def count(self) -> int:
        """The series written so far."""
        return len(self._known)

    @property
    def largest(self) -> str:
        """The measurement that has most of them; empty before the first."""
        return max(self._by_measurement, key=lambda name: self._by_measurement[name], default="")

    def admits(self, measurement: str, key: str) -> bool:
        """Tell whether a point of this series may be written; count it where not."""
        number = hash(key)
        if number in self._known:
            return True
        if len(self._known) >= self.limit and not measurement.startswith(OWN):
            self.refused += 1
            return False
        self._known.add(number)
        self._by_measurement[measurement] += 1
        return True
