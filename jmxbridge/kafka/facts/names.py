"""Filters by name of groups and topics.

A pattern must match the whole name, and a deny wins over an allow. Filters apply to the list of
names, before anything is fetched for a name, and equally to groups with and without members.

Kafka Streams reads topics that it writes itself: to pass records from one part of an application to
another, and to restore state. Their lag is internal to the application, not part of its backlog,
and would distort the sum. Streams names them after the group; its class StreamsResetter has all the
rules.
"""

import re
from collections.abc import Sequence

DENIED_GROUPS = (r"console-consumer-\d+",)
"""Group names that `kafka-console-consumer.sh` generates, one at each start."""

DENIED_TOPICS = (r"__.*",)
"""Kafka's own topics."""


class NameFilter:
    """Returns True for wanted names; without an `allow` pattern every name is allowed.

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
    """Return whether a Streams application created the topic for its own use."""
    return topic.startswith(f"{group}-") and bool(_STREAMS_INTERNAL.search(topic, len(group)))


USER_GROUPS = NameFilter(deny=DENIED_GROUPS)
USER_TOPICS = NameFilter(deny=DENIED_TOPICS)
