"""A Kafka cluster as the rest of the program sees it."""

from collections.abc import Callable, Collection, Sequence

from jmxbridge.lag.members import Description
from jmxbridge.lag.names import DENIED_GROUPS, DENIED_TOPICS, NameFilter
from jmxbridge.lag.snapshot import Snapshot

TIMEOUT_S = 5.0


class Cluster:
    """Connections to every broker of one cluster, kept open between polls.

    `timeout_s` is how long one poll may wait for one broker in all. `groups` and `topics` say by
    name what to look at. One poll at a time; `describe` may run beside it.
    """

    def __init__(
        self,
        bootstrap: Sequence[tuple[str, int]],
        *,
        timeout_s: float = TIMEOUT_S,
        groups: Callable[[str], bool] = NameFilter(deny=DENIED_GROUPS),  # noqa: B008
        topics: Callable[[str], bool] = NameFilter(deny=DENIED_TOPICS),  # noqa: B008
    ) -> None:
        self.bootstrap = tuple(bootstrap)

    async def poll(self) -> Snapshot:
        """Read every group's commits, then the end offsets.

        Never raises for partial failure: what is missing, the snapshot says. Raises
        KafkaUnavailable if no broker answered.
        """
        raise NotImplementedError

    async def describe(self, groups: Collection[str] | None = None) -> Description:
        """Read commits, ends and members of the groups named, or of all that pass the filter.

        Raises KafkaUnavailable if no broker answered.
        """
        raise NotImplementedError

    async def close(self) -> None:
        """Close every connection; never hangs, may be called again."""
