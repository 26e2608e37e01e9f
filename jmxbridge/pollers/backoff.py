"""Delays between attempts to read a target that failed."""

from collections.abc import Callable
from dataclasses import dataclass

LONGEST_S = 5.0
"""An attempt is one TCP connect to one JVM: a longer delay saves nothing, and a consumer that comes
back should be seen within an interval or two."""


@dataclass(slots=True)
class Backoff:
    """Doubling delays with jitter, so that targets that failed together are retried apart.

    `random` returns numbers in [0, 1). Times are seconds on one clock, the caller's.
    """

    first_s: float
    random: Callable[[], float]
    failures: int = 0
    not_before_s: float = 0.0

    def failed(self, now_s: float) -> None:
        """Note a failed attempt; the next one may follow after the delay."""
        longest_s = max(LONGEST_S, self.first_s)
        # Exponents beyond 16 are all above the longest delay; the cap keeps the power small.
        delay_s = min(longest_s, self.first_s * 2 ** min(self.failures, 16))
        self.failures += 1
        self.not_before_s = now_s + delay_s * (0.5 + self.random() / 2)

    def succeeded(self) -> None:
        """Forget earlier failures."""
        self.failures = 0
        self.not_before_s = 0.0

    def may_try(self, now_s: float) -> bool:
        """Tell whether the delay is over."""
        return now_s >= self.not_before_s
