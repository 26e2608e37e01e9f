"""SnapshotBuilder: a poll's reads become a snapshot."""

import pytest

from jmxbridge.kafka.broker import Broker
from jmxbridge.kafka.cluster.group_commits import GroupCommits
from jmxbridge.kafka.cluster.list_offsets import ListedOffsets
from jmxbridge.kafka.cluster.metadata_cache import MetadataCache
from jmxbridge.kafka.cluster.poll_budget import PollBudget
from jmxbridge.kafka.cluster.snapshot_builder import SnapshotBuilder
from jmxbridge.kafka.facts.snapshot import Group

BROKERS = {1: Broker("k1", 9092, 1), 2: Broker("k2", 9092, 2)}


@pytest.fixture
async def builder() -> SnapshotBuilder:
    """One group, and one that vanished; nothing read after their commits yet."""
    read = GroupCommits(
        budget=PollBudget(1.0),
        groups={"a": Group("a", 1)},
        commits={"a": {"x": {0: 4}}},
        listed=3,
    )
    return SnapshotBuilder(read.with_vanished({"old": {"x": {1: 2}}}))


@pytest.fixture
async def metadata() -> MetadataCache:
    """Two brokers."""
    metadata = MetadataCache([])
    metadata.brokers = BROKERS
    return metadata


def test_build_counts_brokers_and_requests(
    builder: SnapshotBuilder, metadata: MetadataCache
) -> None:
    """A bootstrap address that answered is no broker of the cluster."""
    budget = builder.read.budget
    budget.answered |= {BROKERS[2], Broker("bootstrap", 9092)}
    budget.requests = 7
    budget.note("broker 1: refused")
    budget.note("old:9092: refused")
    budget.warnings.add("old:9092: refused")

    snapshot = builder.build(metadata)

    assert (snapshot.brokers, snapshot.brokers_answered) == (2, 1)
    assert (snapshot.requests, snapshot.groups_listed) == (7, 3)
    assert snapshot.errors == ("broker 1: refused", "old:9092: refused")
    assert snapshot.warnings == ("old:9092: refused",)
    assert snapshot.failures == ("broker 1: refused",)


def test_build_has_vanished_groups_among_commits_only(
    builder: SnapshotBuilder, metadata: MetadataCache
) -> None:
    """They are not among the groups that exist, and take nothing from completeness."""
    snapshot = builder.build(metadata)

    assert set(snapshot.groups) == {"a"}
    assert set(snapshot.commits) == {"a", "old"}
    assert snapshot.vanished == {"old"}
    assert snapshot.complete


@pytest.mark.parametrize("kind", ["ends", "stable_ends"])
def test_build_is_incomplete_with_an_unavailable_offset(
    builder: SnapshotBuilder, metadata: MetadataCache, kind: str
) -> None:
    """An end and a stable end count alike; an orphaned partition is known not to exist."""
    builder.ends = ListedOffsets(orphaned={("gone", 0)})
    assert builder.build(metadata).complete
    setattr(builder, kind, ListedOffsets(unavailable={("x", 0)}))

    snapshot = builder.build(metadata)

    assert snapshot.unavailable == {("x", 0)}
    assert not snapshot.complete
