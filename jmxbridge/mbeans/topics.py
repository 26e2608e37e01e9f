"""The names that topics have on the brokers, for consumers that say them otherwise.

Until Kafka 4.1 a consumer's MBeans name the topic `web.orders` `web_orders`; the offsets name it
as it is. A broker refuses two topics that differ in that alone, so who knows the topics can tell
which one is meant. Where it does not refuse (one was there before the other by a race) nothing is
changed: a name that is wrong is worse than one that does not join.
"""

from collections import Counter
from collections.abc import Iterable


class TopicNames:
    """Learns the names of topics and resolves what consumers say."""

    def __init__(self) -> None:
        self._dotted: dict[str, str] = {}
        self._known: frozenset[str] = frozenset()

    def learn(self, topics: Iterable[str], *, complete: bool = True) -> None:
        """Take these for the topics there are; others are forgotten unless not all were told."""
        known = frozenset(topics) if complete else self._known.union(topics)
        if known == self._known:
            return
        self._known = known
        said = Counter(topic.replace(".", "_") for topic in known)
        self._dotted = {
            mangled: topic
            for topic in known
            if (mangled := topic.replace(".", "_")) != topic and said[mangled] == 1
        }

    def resolve(self, topic: str) -> str:
        """Return the topic's own name; the name that was given where nothing better is known."""
        return self._dotted.get(topic, topic)
