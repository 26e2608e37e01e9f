"""The brokers of a cluster, including those that are down.

Rule: Kafka's metadata names live brokers only. One that is no longer named is either down or
removed; Kafka does not say which. It is remembered for a while, so that its polls show that it is
down.
"""

from collections.abc import Callable, Mapping

Brokers = Mapping[int, tuple[str, int]]
"""Host and port by broker id."""

FORGET_AFTER_S = 86_400.0
"""A day: long enough for a broker under repair, short enough for one that was removed."""


class KnownBrokers:
    """Learns brokers from each poll; calls `changed` when the known brokers change.

    A broker that is not named for `forget_after_s` is forgotten. `clock_s` is monotonic.
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
        """The brokers known now."""
        return dict(self._known)

    def learn(self, brokers: Brokers) -> None:
        """Add the brokers that live."""
        now_s = self._clock_s()
        self._seen_s.update(dict.fromkeys(brokers, now_s))
        known = {
            node_id: address
            for node_id, address in {**self._known, **brokers}.items()
            if now_s - self._seen_s[node_id] <= self._forget_after_s
        }
        changed, self._known = known != self._known, known
        if changed:
            self._changed()
