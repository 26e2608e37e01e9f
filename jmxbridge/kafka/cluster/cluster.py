"""A Kafka cluster: one poll returns one snapshot of commits and end offsets.

Rule: the order of the steps is the meaning of the result. Groups, then commits, then (when every
commit is answered or given up) the end offsets: so a lag is never negative because of us.

    read_commits
      1  brokers           cached; read again each minute, or after something failed
      2  ListGroups        every broker, at once
      3  filter            by name and protocol, before anything is fetched for a group
      4  OffsetFetch       every coordinator, at once; unlisted groups are looked up by name
    read_ends
      5  Metadata          topics not known yet; all topics with the brokers, each minute
      6  ListOffsets       every leader, at once: the ends
      7  ListOffsets       the starts, of new partitions and now and then of all
      8  extras            what no lag needs: `extras.py`
      9  members           only if asked for, of every coordinator: last, as no row waits for it

In a quiet cluster that is three requests a broker, and four at one poll of thirty. Whatever fails
on the way is left out, named in the snapshot, and makes it incomplete; it does not stop the rest.
"""

import asyncio
from collections.abc import (
    AsyncIterator,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Self

from jmxbridge.kafka.cluster.acls import MissingRight, Scope, missing_rights
from jmxbridge.kafka.cluster.commits import RETRY_PAUSE_S, fetch_commits
from jmxbridge.kafka.cluster.extras import ExtraReads
from jmxbridge.kafka.cluster.group_commits import GroupCommits
from jmxbridge.kafka.cluster.groups import GroupListing, with_coordinators
from jmxbridge.kafka.cluster.known_brokers import Brokers
from jmxbridge.kafka.cluster.list_offsets import STABLE_END, fetch_offsets
from jmxbridge.kafka.cluster.members import fetch_members
from jmxbridge.kafka.cluster.metadata_cache import REFRESH_S, MetadataCache
from jmxbridge.kafka.cluster.poll_budget import PollBudget
from jmxbridge.kafka.cluster.snapshot_builder import SnapshotBuilder
from jmxbridge.kafka.cluster.start_offsets import StartOffsets
from jmxbridge.kafka.cluster.states import with_states
from jmxbridge.kafka.facts.address_map import AS_ADVERTISED, AddressMap
from jmxbridge.kafka.facts.extras import TimestampedOffsets
from jmxbridge.kafka.facts.members import Membership
from jmxbridge.kafka.facts.names import USER_GROUPS, USER_TOPICS, is_internal
from jmxbridge.kafka.facts.snapshot import Commits, Description, Group, Partition, Snapshot
from jmxbridge.kafka.login.security import PLAINTEXT, Security
from jmxbridge.kafka.wire import codec
from jmxbridge.kafka.wire.error_codes import UNKNOWN_TOPIC_OR_PARTITION
from jmxbridge.kafka.wire.errors import KafkaUnavailable

TIMEOUT_S = 5.0
"""Time that one poll waits for one broker, in all its requests."""

COMMITS_TOPIC = "__consumer_offsets"


class Cluster:
    """Connections to every broker of one cluster, kept open between polls.

    `timeout_s` is how long one poll waits for one broker in all. `groups` and `topics` filter by
    name; `read_committed` selects the groups that skip open transactions. Topics that Streams
    applications created for their own use are left out, unless `internal_topics`. `known_groups`
    are requested by name if no broker lists them, as are groups that an earlier poll saw.
    `refresh_s` is the age at which brokers and leaders are read again, `retry_pause_s` the pause
    before a coordinator that has moved is looked up. `addresses` has the addresses to connect to in
    place of those that brokers advertise. One poll at a time.
    """

    def __init__(
        self,
        bootstrap: Sequence[tuple[str, int]],
        *,
        timeout_s: float = TIMEOUT_S,
        groups: Callable[[str], bool] = USER_GROUPS,
        topics: Callable[[str], bool] = USER_TOPICS,
        read_committed: Callable[[str], bool] = lambda _: False,
        internal_topics: bool = False,
        known_groups: Collection[str] = (),
        refresh_s: float = REFRESH_S,
        retry_pause_s: float = RETRY_PAUSE_S,
        security: Security = PLAINTEXT,
        addresses: AddressMap = AS_ADVERTISED,
    ) -> None:
        self._timeout_s = timeout_s
        self._retry_pause_s = retry_pause_s
        self._wants_group = groups
        self._wants_topic = topics
        self._wants_internal = internal_topics
        self._reads_committed = read_committed
        self._metadata = MetadataCache(
            bootstrap, refresh_s=refresh_s, security=security, addresses=addresses
        )
        self._listing = GroupListing(groups, known_groups)
        self._starts = StartOffsets()
        self._extras = ExtraReads(topics)
        self._loaded = False

    async def read_commits(self) -> GroupCommits:
        """Read every group's commits: the first half of a poll.

        Never raises for partial failure: the snapshot names what is missing. Raises
        KafkaUnavailable if no broker answered.
        """
        async with self._new_budget() as budget:
            read = await self._read_commits(budget, self._listing, states=True)
            self._listing.settle(read.groups)
            return read

    async def read_ends(
        self,
        read: GroupCommits,
        *,
        times_ms: Mapping[Partition, int] = {},
        describe: bool = False,
        assigned: Mapping[str, Membership] = {},
    ) -> Snapshot:
        """Read the end offsets of what was committed: the second half of a poll.

        For each partition in `times_ms` the first record at or after that time, in ms, is asked
        for. With `describe` members are read, in what is left of each broker's time. The partitions
        of the members in `assigned` get ends and starts even if nothing is committed for them.
        Never raises for partial failure: the snapshot names what is missing.
        """
        with self._invalidate_after_failure(read.budget):
            builder = await self._read_ends(read, assigned, times_ms=times_ms, shares=read.shares)
            if describe:
                known = len(read.budget.errors)
                builder.memberships = await self._read_members(read)
                builder.describe_errors = tuple(read.budget.errors[known:])
                del read.budget.errors[known:]
                read.budget.lap("describe_ms")
            return builder.build(self._metadata)

    async def poll(
        self,
        *,
        times_ms: Mapping[Partition, int] = {},
        describe: bool = False,
        assigned: Mapping[str, Membership] = {},
    ) -> Snapshot:
        """Read every group's commits, then the end offsets: both halves of a poll at once."""
        read = await self.read_commits()
        return await self.read_ends(read, times_ms=times_ms, describe=describe, assigned=assigned)

    async def describe(
        self,
        groups: Collection[str] | None = None,
        *,
        last_commits: Mapping[str, Commits] = {},
    ) -> Description:
        """Read commits, ends and members of the groups named, or of all that pass the filter.

        A group in `last_commits` that no longer exists has vanished: it keeps these commits. The
        end offsets cover what is assigned and not committed as well; with them come the starts, and
        how long topics are kept. Raises KafkaUnavailable if no broker answered.
        """
        named = frozenset(groups or ())
        wants_group = named.__contains__ if named else self._wants_group
        listing = GroupListing(wants_group, {*named, *filter(wants_group, last_commits)})
        async with self._new_budget() as budget:
            read = await self._read_commits(budget, listing)
            if budget.warnings:
                await self._note_lost_coordinators(budget)
            read = read.with_vanished(
                {
                    name: commits
                    for name in sorted(read.gone & last_commits.keys())
                    if (commits := self._filtered(name, last_commits[name]))
                }
            )
            memberships = await self._read_members(read)
            builder = await self._read_ends(read, memberships, shares=read.shares)
            shares = {group.name for group in read.shares}
            for name in sorted(named - read.groups.keys() - read.gone - shares):
                budget.note(f"group {name!r} is of a kind that keeps no offsets")
            snapshot = builder.build(self._metadata)
            missing = named & read.gone - read.vanished
            return Description(snapshot, memberships, tuple(sorted(missing)), read.shares)

    async def offsets_for_times(self, times_ms: Mapping[Partition, int]) -> TimestampedOffsets:
        """Ask leaders for the first record at or after a time, in ms, of partitions already polled.

        Never raises for partial failure: what fails is left out.
        """
        async with self._new_budget() as budget:
            return await self._extras.offsets_for_times(budget, self._metadata, times_ms)

    @property
    def brokers(self) -> Brokers:
        """The live brokers, as of the last poll."""
        return {
            node_id: (broker.host, broker.port)
            for node_id, broker in self._metadata.brokers.items()
        }

    async def find_brokers(self) -> Brokers:
        """Return the live brokers; raises KafkaUnavailable."""
        async with self._new_budget() as budget:
            await self._metadata.ensure_fresh(budget)
            return self.brokers

    async def missing_rights(self, groups: Scope, topics: Scope) -> tuple[MissingRight, ...]:
        """Return the rights we lack to see these groups and topics; raises KafkaUnavailable."""
        async with self._new_budget() as budget:
            return await missing_rights(budget, self._metadata, groups=groups, topics=topics)

    @property
    def cluster_id(self) -> str | None:
        """The cluster's id; None before the first poll, and where brokers are too old for one."""
        return self._metadata.cluster_id

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection; never hangs, may be called again."""
        await self._metadata.close()

    @asynccontextmanager
    async def _new_budget(self) -> AsyncIterator[PollBudget]:
        if not self._loaded:
            await asyncio.to_thread(codec.load)
            self._loaded = True
        budget = PollBudget(self._timeout_s)
        with self._invalidate_after_failure(budget):
            yield budget

    @contextmanager
    def _invalidate_after_failure(self, budget: PollBudget) -> Iterator[None]:
        try:
            yield
        finally:
            if budget.lost_a_broker:
                self._metadata.invalidate()

    async def _read_commits(
        self, budget: PollBudget, listing: GroupListing, *, states: bool = False
    ) -> GroupCommits:
        """List groups and fetch their commits; with `states`, of brokers too old to list them."""
        await self._metadata.ensure_fresh(budget)
        selected = await listing.list_groups(budget, self._metadata)
        if budget.answered.isdisjoint(self._metadata.brokers.values()):
            raise KafkaUnavailable("; ".join(budget.errors))
        budget.lap("list_groups_ms")
        groups, missing, gone = selected.groups, selected.missing, frozenset[str]()
        if states:
            groups = await with_states(budget, self._metadata, groups)
        # Names from an earlier run do not prove that this cluster has any group.
        if missing and not listing.met_groups and not await self._may_have_commits(budget):
            gone = missing
        fetched = await fetch_commits(
            budget,
            self._metadata,
            {name: group.coordinator for name, group in groups.items() if name not in gone},
            unlisted=missing - gone,
            pause_s=self._retry_pause_s,
        )
        gone |= {name for name in missing if fetched.commits.get(name) == {}}
        present = {name: group for name, group in groups.items() if name not in gone}
        commits = {
            name: self._filtered(name, commits)
            for name, commits in fetched.commits.items()
            if name not in gone
        }
        budget.lap("fetch_commits_ms")
        return GroupCommits(
            budget=budget,
            groups=with_coordinators(present, fetched.coordinators),
            commits=commits,
            gone=gone,
            missing=missing,
            shares=selected.shares,
            listed=selected.listed,
            all_listed=selected.complete,
            refusals={name: why for name, why in fetched.refusals.items() if name not in gone},
        )

    async def _read_ends(
        self,
        read: GroupCommits,
        assigned: Mapping[str, Membership],
        *,
        times_ms: Mapping[Partition, int] = {},
        shares: Iterable[Group] = (),
    ) -> SnapshotBuilder:
        """Read ends, starts and extras of the partitions committed or assigned."""
        budget, builder = read.budget, SnapshotBuilder(read)
        wanted = read.partitions()
        for membership in assigned.values():
            for member in membership.members:
                for topic, partition in member.assigned:
                    wanted.setdefault(topic, set()).add(partition)
        builder.ends = await fetch_offsets(budget, self._metadata, wanted)
        ends = builder.ends.offsets
        builder.topic_ids = self._metadata.topic_ids(ends)
        builder.starts = await self._starts.refresh(budget, self._metadata, ends, builder.topic_ids)
        builder.read_committed = frozenset(filter(self._reads_committed, read.commits))
        if builder.read_committed:
            stable = read.partitions(builder.read_committed)
            builder.stable_ends = await fetch_offsets(budget, self._metadata, stable, STABLE_END)
        budget.lap("list_ends_ms")
        builder.extras = await self._extras.read(
            budget, self._metadata, times_ms, topics=ends, shares=shares
        )
        budget.lap("extras_ms")
        self._metadata.keep_topics(wanted)
        return builder

    async def _read_members(self, read: GroupCommits) -> dict[str, Membership]:
        memberships = await fetch_members(read.budget, self._metadata, read.groups.values())
        return {
            name: membership.only(partial(self._wants, name))
            for name, membership in memberships.items()
        }

    def _filtered(self, group: str, commits: Commits) -> Commits:
        return {topic: offsets for topic, offsets in commits.items() if self._wants(group, topic)}

    def _wants(self, group: str, topic: str) -> bool:
        return self._wants_topic(topic) and (self._wants_internal or not is_internal(group, topic))

    async def _note_lost_coordinators(self, budget: PollBudget) -> None:
        """Note partitions of all commits without a leader: no broker lists their groups.

        Kafka's metadata leaves out dead brokers, so nothing else shows that such groups exist.
        """
        try:
            await self._metadata.refresh(budget, (COMMITS_TOPIC,))
        except KafkaUnavailable:
            return
        topic = self._metadata.topics.get(COMMITS_TOPIC)
        leaders = () if topic is None else topic.leaders.values()
        if lost := sum(leader < 0 for leader in leaders):
            partitions = f"{lost} of {len(leaders)} partitions of {COMMITS_TOPIC} have no leader"
            budget.note(f"groups may be missing: {partitions}; start the broker that has them")

    async def _may_have_commits(self, budget: PollBudget) -> bool:
        """Whether the topic of all commits exists; looking up a coordinator would create it."""
        try:
            await self._metadata.refresh(budget, (COMMITS_TOPIC,))
        except KafkaUnavailable:
            return True
        topic = self._metadata.topics.get(COMMITS_TOPIC)
        return topic is not None and topic.error != UNKNOWN_TOPIC_OR_PARTITION
