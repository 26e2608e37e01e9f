"""The brokers of a cluster, also those that are down.

Rule: Kafka's metadata names the brokers that live. One that is no longer named is down or gone for
good, and nobody says which: it is remembered for a while, so that what is polled of it shows that
it is down.
"""

from collections.abc import Callable, Mapping

Brokers = Mapping[int, tuple[str, int]]
"""Host and port by broker id."""

FORGET_AFTER_S = 86_400.0
"""A day: long enough for a broker that is repaired, short enough for one that is gone for good."""


class KnownBrokers:
    """Takes what each poll was told; `changed` is called when what is known is something else.

    A broker that is not named for `forget_after_s` is forgotten; `clock_s` is monotonic.
    """

    def __init__(
        self,
        changed: Callable[[], None],
        *,
        clock_s: Callable[[], float],
        forget_after_s: float = FORGET_AFTER_S,
    ) -> None:
        self._changed = changed
        self._clock_s = clock_s
        self._forget_after_s = forget_after_s
        self._seen_s: dict[int, float] = {}
        self._known: dict[int, tuple[str, int]] = {}

    @property
    def known(self) -> Brokers:
        """What is known now."""
        return dict(self._known)

    def learn(self, brokers: Brokers) -> None:
        """Take the brokers that live."""
        now_s = self._clock_s()
        self._seen_s.update(dict.fromkeys(brokers, now_s))
        known = {
            broker: where
            for broker, where in {**self._known, **brokers}.items()
            if now_s - self._seen_s[broker] <= self._forget_after_s
        }
        changed, self._known = known != self._known, known
        if changed:
            self._changed()
