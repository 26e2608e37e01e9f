"""Which groups and topics are looked at.

A name is matched as a whole, and a deny wins over an allow. Filters apply to the list of names,
before anything is fetched for them, and alike to groups with and without members.
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


USER_GROUPS = NameFilter(deny=DENIED_GROUPS)
USER_TOPICS = NameFilter(deny=DENIED_TOPICS)
