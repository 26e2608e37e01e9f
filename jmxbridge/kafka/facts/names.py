"""Which groups and topics are looked at.

A name is matched as a whole, and a deny wins over an allow. Filters apply to the list of names,
before anything is fetched for them, and alike to groups with and without members.

Kafka Streams reads topics that it writes itself: to hand records from one part of an application to
another, and to restore state. Their lag is part of the way, not of the backlog, and would blur its
sum. They are named after the group, by rules of Streams (StreamsResetter has them all).
"""

import re
from collections.abc import Sequence

DENIED_GROUPS = (r"console-consumer-\d+",)
"""Groups that `kafka-console-consumer.sh` makes up, one for each start."""

DENIED_TOPICS = (r"__.*",)
"""Kafka's own topics."""


class NameFilter:
    """Calls true for the names to look at; no `allow` pattern allows every name.

    Raises re.error if a pattern is not a regular expression.
    """

    def __init__(self, allow: Sequence[str] = (), deny: Sequence[str] = ()) -> None:
        self._allow = tuple(map(re.compile, allow))
        self._deny = tuple(map(re.compile, deny))

    def __call__(self, name: str) -> bool:
        if any(pattern.fullmatch(name) for pattern in self._deny):
            return False
        return not self._allow or any(pattern.fullmatch(name) for pattern in self._allow)


_STREAMS_INTERNAL = re.compile(
    r"-(changelog|repartition|subscription-(registration|response)-topic"
    r"|KTABLE-FK-JOIN-SUBSCRIPTION-(REGISTRATION|RESPONSE)-\d+-topic)$"
)


def is_internal(group: str, topic: str) -> bool:
    """Tell whether a topic is one that a Streams application made for itself."""
    return topic.startswith(f"{group}-") and bool(_STREAMS_INTERNAL.search(topic, len(group)))


USER_GROUPS = NameFilter(deny=DENIED_GROUPS)
USER_TOPICS = NameFilter(deny=DENIED_TOPICS)
