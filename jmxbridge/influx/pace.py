"""Sizes of requests to InfluxDB, and delays after verdicts that stored nothing. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

from jmxbridge.influx.bisect import BUDGET
from jmxbridge.influx.verdict import Action, Verdict

MAX_DOUBLINGS = 16
"""2^16 times a first delay is above any longest one; bounds the power over weeks of attempts."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Sizes of requests and delays between them, in seconds.

    InfluxData recommends up to 5,000 lines a request; 4 MiB is below the smallest default limit
    on a body (10 MiB, InfluxDB 3). Lines wait `linger_s` for the polls of other targets that are
    due at the same instant. A retry waits between 0 and a bound that doubles from `retry_first_s`
    (full jitter: bridges that lost a server together do not return together). After a fault that
    an operator must fix, the wait is between `hold_first_s` and a bound that doubles from it.
    """

    max_lines: int = 5000
    max_bytes: int = 4 * 1024 * 1024
    linger_s: float = 0.25
    budget: int = BUDGET
    retry_first_s: float = 1.0
    retry_longest_s: float = 60.0
    hold_first_s: float = 30.0
    hold_longest_s: float = 300.0

    def delay_s(self, verdict: Verdict, attempt: int, random: Callable[[], float]) -> float:
        """Return the wait after the `attempt`-th verdict in a row, from 0, that stored nothing.

        `random` returns numbers in [0, 1). A server's Retry-After is a lower bound.
        """
        power = 2.0 ** min(attempt, MAX_DOUBLINGS)
        if verdict.action is Action.HOLD:
            longest = min(self.hold_longest_s, self.hold_first_s * 2 * power)
            return self.hold_first_s + (longest - self.hold_first_s) * random()
        longest = min(self.retry_longest_s, self.retry_first_s * power)
        return max(longest * random(), verdict.retry_after_s or 0.0)
