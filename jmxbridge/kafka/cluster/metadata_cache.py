"""What we know of a cluster: its brokers, and who leads the partitions we ask about.

Rule: what is known is used until it is a minute old or until something failed; then one broker is
asked for all of it again. A topic that was not found, or has a partition without a leader, is
asked about in every poll, since that must not be believed for long.

Brokers that are connected already are asked first, one after the other. Failing them, all other
addresses are tried at once, those of the bootstrap list among them, and the first that answers
wins: a dead host in the list costs nothing, and a cluster whose brokers have all moved is found
again by the list.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence

from jmxbridge.kafka.broker import Broker
from jmxbridge.kafka.cluster.poll_budget import PollBudget
from jmxbridge.kafka.login.security import PLAINTEXT, Security
from jmxbridge.kafka.wire.errors import KafkaError, KafkaUnavailable, RequestFailed
from jmxbridge.kafka.wire.requests import ClusterMetadata, Metadata, Topic

REFRESH_S = 60.0
"""Age at which the view is asked for anew: a broker that joined is seen within this time."""


class MetadataCache:
    """Brokers by id and topics by name; `refresh_s` is the age at which they are asked anew."""

    def __init__(
        self,
        bootstrap: Sequence[tuple[str, int]],
        *,
        refresh_s: float = REFRESH_S,
        security: Security = PLAINTEXT,
    ) -> None:
        self.brokers: Mapping[int, Broker] = {}
        self.topics: dict[str, Topic] = {}
        self.cluster_id: str | None = None
        self._bootstrap = tuple(bootstrap)
        self._security = security
        self._refresh_s = refresh_s
        self._refreshed_at: float | None = None

    def invalidate(self) -> None:
        """Something failed: ask again at the next occasion."""
        self._refreshed_at = None

    async def ensure_fresh(self, budget: PollBudget) -> None:
        """Refresh if it is time; raises KafkaUnavailable if no broker answers."""
        now = asyncio.get_running_loop().time()
        if self._refreshed_at is not None and now - self._refreshed_at < self._refresh_s:
            return
        await self.refresh(budget, tuple(self.topics))

    async def refresh(self, budget: PollBudget, topics: Collection[str]) -> None:
        """Ask for all brokers and for these topics; raises KafkaUnavailable if nobody answers.

        A topic the answer does not mention is forgotten.
        """
        metadata = await self._ask_anyone(budget, Metadata(tuple(sorted(topics))))
        self.cluster_id = metadata.cluster_id
        await self._take_brokers(metadata)
        others = self.topics.keys() - topics
        self.topics = {topic: self.topics[topic] for topic in others} | dict(metadata.topics)
        if not others:  # else what is known of them is as old as before
            self._refreshed_at = asyncio.get_running_loop().time()

    def keep_topics(self, wanted: Collection[str]) -> None:
        """Forget topics nobody asks about, and those that lack a leader somewhere.

        A topic that was not found has no leader at all.
        """
        self.topics = {
            name: topic
            for name, topic in self.topics.items()
            if name in wanted and min(topic.leaders.values(), default=-1) >= 0
        }

    def topic_ids(self, topics: Iterable[str]) -> dict[str, str]:
        """Return the ids of those topics that have one."""
        known = ((name, self.topics.get(name)) for name in topics)
        return {name: topic.id for name, topic in known if topic is not None and topic.id}

    def connected_first(self) -> list[Broker]:
        """Every broker, those first that are connected."""
        return sorted(self.brokers.values(), key=lambda broker: not broker.connected)

    async def close(self) -> None:
        """Close every connection."""
        brokers, self.brokers = self.brokers, {}
        self.invalidate()
        for broker in brokers.values():
            await broker.close()

    async def _ask_anyone(self, budget: PollBudget, request: Metadata) -> ClusterMetadata:
        for broker in self.connected_first():
            if broker.connected:
                try:
                    return await _metadata(budget, broker, request)
                except KafkaError:
                    continue
        known = {(b.host, b.port) for b in self.brokers.values()}
        fresh = [
            Broker(*each, security=self._security)
            for each in dict.fromkeys(self._bootstrap)
            if each not in known
        ]
        return await self._race(budget, fresh, request)

    async def _race(
        self, budget: PollBudget, fresh: list[Broker], request: Metadata
    ) -> ClusterMetadata:
        """Ask all at once; the first answer wins and the rest is called off.

        Known brokers that failed in this round are among them and fail again at once.
        """
        asked = [*self.brokers.values(), *fresh]
        tasks = [asyncio.create_task(_metadata(budget, broker, request)) for broker in asked]
        metadata: ClusterMetadata | None = None
        try:
            for next_done in asyncio.as_completed(tasks):
                try:
                    metadata = await next_done
                    break
                except KafkaError:
                    continue
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for broker in fresh:
                if metadata is None or not self._adopt(broker, metadata):
                    await broker.close()
        if metadata is None:
            raise KafkaUnavailable("; ".join(budget.errors) or "no broker is known")
        return metadata

    def _adopt(self, broker: Broker, metadata: ClusterMetadata) -> bool:
        """Keep a bootstrap connection if the cluster knows a broker by that very address."""
        for node_id, where in metadata.brokers.items():
            if where == (broker.host, broker.port) and node_id not in self.brokers:
                broker.node_id = node_id
                self.brokers = {**self.brokers, node_id: broker}
                return True
        return False

    async def _take_brokers(self, metadata: ClusterMetadata) -> None:
        kept: dict[int, Broker] = {}
        for node_id, (host, port) in sorted(metadata.brokers.items()):
            old = self.brokers.get(node_id)
            same = old is not None and (old.host, old.port) == (host, port)
            new = Broker(host, port, node_id, self._security)
            kept[node_id] = old if old is not None and same else new
        gone = [b for node_id, b in self.brokers.items() if kept.get(node_id) is not b]
        self.brokers = kept
        for broker in gone:
            await broker.close()


async def _metadata(budget: PollBudget, broker: Broker, request: Metadata) -> ClusterMetadata:
    metadata = await budget.ask(broker, request)
    if not metadata.brokers:
        # A broker that has just started answers before it has joined its cluster.
        problem = RequestFailed(f"{broker}: knows of no broker yet")
        budget.note(problem)
        raise problem
    return metadata
