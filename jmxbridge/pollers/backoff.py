"""When to try a target again that could not be read."""

from collections.abc import Callable
from dataclasses import dataclass

# An attempt is one TCP connect to one JVM: waiting longer than this saves nothing, and a consumer
# that comes back should be seen within an interval or two.
LONGEST_S = 5.0


@dataclass(slots=True)
class Backoff:
    """Doubling delays with jitter: many targets that went down together come back apart.

    `random` gives numbers in [0, 1). Times are seconds on one clock, the caller's.
    """

    first_s: float
    random: Callable[[], float]
    failures: int = 0
    not_before_s: float = 0.0

    def failed(self, now_s: float) -> None:
        """Note a failed attempt; the next one may be made after the delay."""
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
