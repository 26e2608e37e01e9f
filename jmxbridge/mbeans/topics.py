"""Names of topics on the brokers, for consumers that report them with underscores.

Until Kafka 4.1 the MBeans of a consumer name the topic `web.orders` `web_orders`, while offsets
have its own name. A broker refuses two topics that differ only in this, so a list of the topics
tells which one is meant. If both exist (created in a race), the name is not changed: a wrong name
is worse than a name that does not join.
"""

from collections import Counter
from collections.abc import Iterable


class TopicNames:
    """Learns the names of topics and resolves the names that consumers report."""

    def __init__(self) -> None:
        self._dotted: dict[str, str] = {}
        self._known: frozenset[str] = frozenset()

    def learn(self, topics: Iterable[str], *, complete: bool = True) -> None:
        """Learn the existing topics; if `complete`, forget all others."""
        known = frozenset(topics) if complete else self._known.union(topics)
        if known == self._known:
            return
        self._known = known
        mangled_counts = Counter(topic.replace(".", "_") for topic in known)
        self._dotted = {
            mangled: topic
            for topic in known
            if (mangled := topic.replace(".", "_")) != topic and mangled_counts[mangled] == 1
        }

    def resolve(self, topic: str) -> str:
        """Return the topic's own name; the given name if it is unknown."""
        return self._dotted.get(topic, topic)
