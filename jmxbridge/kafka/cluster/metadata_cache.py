"""Cached metadata of a cluster: its brokers, and the leaders of the partitions in use.

Rule: metadata is used until it is a minute old or until something failed; then all of it is read
again from one broker. A topic that was not found, or has a partition without a leader, is read in
every poll, since such a state may end at any moment.

Brokers with an open connection are asked first, one after the other. If none answers, all other
addresses are tried at once, including the bootstrap list, and the first answer wins: a dead host in
the list costs nothing, and a cluster whose brokers have all moved is found again by the list.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence

from jmxbridge.kafka.broker import Broker
from jmxbridge.kafka.cluster.poll_budget import PollBudget
from jmxbridge.kafka.facts.address_map import AS_ADVERTISED, AddressMap
from jmxbridge.kafka.login.security import PLAINTEXT, Security
from jmxbridge.kafka.wire.errors import KafkaError, KafkaUnavailable, RequestFailed
from jmxbridge.kafka.wire.requests import ClusterMetadata, Metadata, TopicMetadata

REFRESH_S = 60.0
"""Age at which metadata is read again: a broker that joined is seen within this time."""


class MetadataCache:
    """Brokers by id and topics by name; `refresh_s` is the age at which they are read again.

    `addresses` has the addresses to connect to in place of those in metadata and bootstrap list.
    """

    def __init__(
        self,
        bootstrap: Sequence[tuple[str, int]],
        *,
        refresh_s: float = REFRESH_S,
        security: Security = PLAINTEXT,
        addresses: AddressMap = AS_ADVERTISED,
    ) -> None:
        self.brokers: Mapping[int, Broker] = {}
        self.topics: dict[str, TopicMetadata] = {}
        self.cluster_id: str | None = None
        self._bootstrap = tuple(bootstrap)
        self._security = security
        self._addresses = addresses
        self._refresh_s = refresh_s
        self._refreshed_at_s: float | None = None

    def invalidate(self) -> None:
        """Read everything again before the next poll, since something failed."""
        self._refreshed_at_s = None

    async def ensure_fresh(self, budget: PollBudget) -> None:
        """Refresh if it is due; raises KafkaUnavailable if no broker answers."""
        now_s = asyncio.get_running_loop().time()
        if self._refreshed_at_s is not None and now_s - self._refreshed_at_s < self._refresh_s:
            return
        await self.refresh(budget, tuple(self.topics))

    async def refresh(self, budget: PollBudget, topics: Collection[str]) -> None:
        """Read all brokers and these topics; raises KafkaUnavailable if no broker answers.

        A topic that the answer does not mention is forgotten.
        """
        metadata = await self._ask_anyone(budget, Metadata(tuple(sorted(topics))))
        self.cluster_id = metadata.cluster_id
        await self._replace_brokers(metadata)
        others = self.topics.keys() - topics
        self.topics = {topic: self.topics[topic] for topic in others} | dict(metadata.topics)
        if not others:  # else the metadata of the others is as old as before
            self._refreshed_at_s = asyncio.get_running_loop().time()

    def keep_topics(self, wanted: Collection[str]) -> None:
        """Forget topics that are not wanted, and those with a partition without a leader.

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
        """Return every broker, those with an open connection first."""
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
            self._broker(host, port)
            for host, port in dict.fromkeys(self._bootstrap)
            if (host, port) not in known
        ]
        return await self._race(budget, fresh, request)

    async def _race(
        self, budget: PollBudget, fresh: list[Broker], request: Metadata
    ) -> ClusterMetadata:
        """Ask all at once; the first answer wins and the other requests are cancelled.

        Known brokers that failed in this poll are among them and fail again at once. A failure is
        only a warning where the answer shows that no broker of the cluster has the address.
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
            results = await asyncio.gather(*tasks, return_exceptions=True)
            for broker in fresh:
                if metadata is None or not self._adopt(broker, metadata):
                    await broker.close()
        if metadata is None:
            raise KafkaUnavailable("; ".join(budget.errors) or "no broker is known")
        members = set(metadata.brokers.values())
        budget.warnings.update(
            str(result)
            for broker, result in zip(asked, results, strict=True)
            if isinstance(result, KafkaError) and (broker.host, broker.port) not in members
        )
        return metadata

    def _adopt(self, broker: Broker, metadata: ClusterMetadata) -> bool:
        """Keep a bootstrap connection if a broker of the cluster advertises the same address."""
        for node_id, address in metadata.brokers.items():
            if address == (broker.host, broker.port) and node_id not in self.brokers:
                broker.node_id = node_id
                self.brokers = {**self.brokers, node_id: broker}
                return True
        return False

    def _broker(self, host: str, port: int, node_id: int | None = None) -> Broker:
        reached_at = self._addresses.get(host, port)
        return Broker(host, port, node_id, self._security, reached_at=reached_at)

    async def _replace_brokers(self, metadata: ClusterMetadata) -> None:
        kept: dict[int, Broker] = {}
        for node_id, (host, port) in sorted(metadata.brokers.items()):
            old = self.brokers.get(node_id)
            same = old is not None and (old.host, old.port) == (host, port)
            new = self._broker(host, port, node_id)
            kept[node_id] = old if old is not None and same else new
        gone = [b for node_id, b in self.brokers.items() if kept.get(node_id) is not b]
        self.brokers = kept
        for broker in gone:
            await broker.close()


async def _metadata(budget: PollBudget, broker: Broker, request: Metadata) -> ClusterMetadata:
    metadata = await budget.ask(broker, request)
    if not metadata.brokers:
        # A broker that has just started answers before it has joined its cluster.
        problem = RequestFailed(f"{broker}: knows no broker yet")
        budget.note(problem)
        raise problem
    return metadata
