"""A Kafka cluster as the rest of the program sees it: one poll, one snapshot.

Rule: the order of the steps is the meaning of the result. Groups, then commits, then (when every
commit is answered or given up) the end offsets: so a lag is never negative because of us.

    1  brokers           cached; asked anew each minute, or after something failed
    2  ListGroups        every broker, at once
    3  filter            by name and protocol, before anything is fetched for a group
    4  OffsetFetch       every coordinator, at once; groups nobody listed are looked up by name
    5  barrier
    6  Metadata          topics not known yet; with the rest of the view each minute
    7  ListOffsets       every leader, at once: the ends
    8  ListOffsets       the starts, for partitions that are new and now and then for all
    9  aside             what no lag needs: `asides`
    10 members           where they are asked for, of every coordinator: last, for no row waits

In a quiet cluster that is three requests a broker, and four at one poll of thirty. Whatever fails
on the way is left out, named in the snapshot, and makes it incomplete; it does not stop the rest.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial

from jmxbridge.kafka.cluster.acls import MissingRight, Scope, missing_rights
from jmxbridge.kafka.cluster.commits import RETRY_PAUSE_S, fetch_commits
from jmxbridge.kafka.cluster.extras import ExtraReads
from jmxbridge.kafka.cluster.groups import GroupListing, moved
from jmxbridge.kafka.cluster.known_brokers import Brokers
from jmxbridge.kafka.cluster.list_offsets import STABLE_END, START, fetch_ends
from jmxbridge.kafka.cluster.members import fetch_members
from jmxbridge.kafka.cluster.metadata_cache import REFRESH_S, MetadataCache
from jmxbridge.kafka.cluster.offsets_for_times import Answers
from jmxbridge.kafka.cluster.snapshot_builder import SnapshotBuilder
from jmxbridge.kafka.cluster.states import with_states
from jmxbridge.kafka.facts.description import Description
from jmxbridge.kafka.facts.members import Membership
from jmxbridge.kafka.facts.names import USER_GROUPS, USER_TOPICS, is_internal
from jmxbridge.kafka.facts.snapshot import Commits, Partition, Snapshot
from jmxbridge.kafka.login.security import NOTHING, Security
from jmxbridge.kafka.wire import codec
from jmxbridge.kafka.wire.errors import KafkaUnavailable

TIMEOUT_S = 5.0
"""How long one poll waits for one broker in all."""

COMMITS_TOPIC = "__consumer_offsets"

STARTS_EVERY = 30
"""Polls between two looks at where partitions begin: retention deletes by the segment, seldom."""

Keep = Callable[[Mapping[str, Commits], Collection[str]], Mapping[str, Commits]]
"""Is told what a poll read and which groups are gone; returns commits of those to go on with."""


class Cluster:
    """Connections to every broker of one cluster, kept open between polls.

    `timeout_s` is how long one poll waits for one broker in all. `groups` and `topics` say by name
    what to look at, `read_committed` which groups skip open transactions; what Streams applications
    made for themselves is left out, without `internal_topics`. `known_groups` are asked
    for by name if nobody lists them, as those are that an earlier poll saw. `refresh_s` is the age
    at which brokers and leaders are asked for anew, `retry_pause_s` the pause before a coordinator
    that has moved is looked up. One poll at a time.
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
        security: Security = NOTHING,
    ) -> None:
        self._timeout_s = timeout_s
        self._retry_pause_s = retry_pause_s
        self._wants_group = groups
        self._wants_topic = topics
        self._view = MetadataCache(bootstrap, refresh_s=refresh_s, security=security)
        self._wants_internal = internal_topics
        self._asides = ExtraReads(topics)
        self._reads_committed = read_committed
        self._roster = GroupListing(groups, known_groups)
        self._starts: dict[str, dict[int, int]] = {}
        self._topic_ids: Mapping[str, str] = {}
        self._polls = 0
        self._met_groups = False
        self._loaded = False

    async def poll(
        self,
        keep: Keep | None = None,
        *,
        questions: Mapping[Partition, int] = {},
        describe: bool = False,
        also: Mapping[str, Membership] = {},
    ) -> Snapshot:
        """Read every group's commits, then the end offsets.

        With `keep` it decides which groups that are gone the snapshot still has, as vanished. Of
        the partitions in `questions` the first record since that time, in ms, is asked for.
        With `describe` the members are asked for, in what is left of each broker's time. What the
        members in `also` are assigned gets its ends and starts, committed or not.
        Never raises for partial failure: what is missing, the snapshot says. Raises
        KafkaUnavailable if no broker answered.
        """
        async with self._taking() as take:
            await self._find_groups(take, self._roster)
            take.groups = await with_states(take.round, self._view, take.groups)
            self._met_groups = self._met_groups or take.listed > 0
            # Names from an earlier run prove nothing of this cluster.
            if take.missing and not self._met_groups and not await self._may_have_commits(take):
                take.drop_missing()
            await self._find_commits(take)
            if not self._wants_internal:
                take.drop_internal()
            self._roster.settle(take.groups, take.gone)
            if keep is not None:
                take.keep(keep(take.commits, take.gone))
            await self._find_ends(take, also)
            await self._find_starts(take)
            await self._find_stable_ends(take)
            take.lap("list_ends_ms")
            take.aside = await self._asides.ask(
                *(take.round, self._view, questions),
                topics=take.ends.offsets,
                shares=take.shares,
            )
            take.lap("aside_ms")
            if describe:
                await self._find_members(take)
            self._view.keep_topics(take.ends_wanted)
            return take.snapshot(self._view)

    async def describe(self, groups: Collection[str] | None = None) -> Description:
        """Read commits, ends and members of the groups named, or of all that pass the filter.

        The end offsets cover what is assigned and not committed as well; with them come the starts,
        and how long topics are kept. Raises KafkaUnavailable if no broker answered.
        """
        named = frozenset(groups or ())
        roster = GroupListing(named.__contains__ if named else self._wants_group, asked_for=named)
        async with self._taking() as take:
            await self._find_groups(take, roster)
            if take.missing and not await self._may_have_commits(take):
                take.drop_missing()
            await self._find_commits(take)
            found = await fetch_members(take.round, self._view, take.present())
            if not self._wants_internal:
                take.drop_internal()
            members = {
                name: each.only(partial(self._looks_at, name)) for name, each in found.items()
            }
            await self._find_ends(take, members)
            await self._find_starts(take)
            await self._find_stable_ends(take)
            take.aside = await self._asides.ask(
                *(take.round, self._view, {}), topics=take.ends.offsets, shares=()
            )
            self._view.keep_topics(take.ends_wanted)
            for name in sorted(named - take.groups.keys() - take.gone):
                take.round.note(f"group {name!r} is of a kind that keeps no offsets")
            return Description(take.snapshot(self._view), members, tuple(sorted(take.gone)))

    async def date(self, questions: Mapping[Partition, int]) -> Answers:
        """Ask leaders for the first record since a time, in ms, of partitions looked at before.

        Never raises for what fails: it is left out.
        """
        async with self._taking() as take:
            return await self._asides.date(take.round, self._view, questions)

    @property
    def brokers(self) -> Brokers:
        """The brokers that live, as the last poll was told."""
        return {number: (each.host, each.port) for number, each in self._view.brokers.items()}

    async def find_brokers(self) -> Brokers:
        """Ask which brokers live; raises KafkaUnavailable."""
        async with self._taking() as take:
            await self._view.ensure_fresh(take.round)
            return self.brokers

    async def missing_rights(self, groups: Scope, topics: Scope) -> tuple[MissingRight, ...]:
        """Find out which rights we lack to see these; raises KafkaUnavailable."""
        async with self._taking() as take:
            return await missing_rights(take.round, self._view, groups=groups, topics=topics)

    async def close(self) -> None:
        """Close every connection; never hangs, may be called again."""
        await self._view.close()

    @asynccontextmanager
    async def _taking(self) -> AsyncIterator[SnapshotBuilder]:
        if not self._loaded:
            await asyncio.to_thread(codec.load)
            self._loaded = True
        take = SnapshotBuilder(self._timeout_s)
        try:
            yield take
        finally:
            if take.round.lost_a_broker:
                self._view.distrust()

    async def _find_groups(self, take: SnapshotBuilder, roster: GroupListing) -> None:
        await self._view.ensure_fresh(take.round)
        listing = await roster.list_groups(take.round, self._view)
        if take.round.answered.isdisjoint(self._view.brokers.values()):
            raise KafkaUnavailable("; ".join(take.round.errors))
        take.groups, take.missing = listing.groups, listing.missing
        take.listed, take.complete = listing.listed, listing.complete
        take.shares = listing.shares
        take.lap("list_groups_ms")

    async def _find_commits(self, take: SnapshotBuilder) -> None:
        fetched = await fetch_commits(
            take.round,
            self._view,
            {name: group.coordinator for name, group in take.groups.items()},
            unlisted=take.missing,
            pause_s=self._retry_pause_s,
        )
        take.groups = moved(take.groups, fetched.coordinators)
        take.gone |= {name for name in take.missing if fetched.commits.get(name) == {}}
        take.commits = {
            name: {topic: at for topic, at in commits.items() if self._wants_topic(topic)}
            for name, commits in fetched.commits.items()
            if name not in take.gone
        }
        take.lap("fetch_commits_ms")

    async def _find_ends(self, take: SnapshotBuilder, members: Mapping[str, Membership]) -> None:
        wanted = take.committed()
        for membership in members.values():
            for member in membership.members:
                for topic, partition in member.assigned:
                    wanted.setdefault(topic, set()).add(partition)
        take.ends_wanted = wanted
        take.ends = await fetch_ends(take.round, self._view, wanted)
        take.topic_ids = {
            topic: id_
            for topic in take.ends.offsets
            if (found := self._view.topics.get(topic)) and (id_ := found.id)
        }
        take.lap("list_ends_ms")

    async def _find_starts(self, take: SnapshotBuilder) -> None:
        """Ask where partitions begin: those that are new, and every so many polls all of them."""
        before, self._topic_ids = self._topic_ids, take.topic_ids
        known = {
            topic: starts
            for topic, starts in self._starts.items()
            if self._polls % STARTS_EVERY and before.get(topic) == take.topic_ids.get(topic)
        }
        self._polls += 1
        wanted = {
            topic: new
            for topic, ends in take.ends.offsets.items()
            if (new := ends.keys() - known.get(topic, {}).keys())
        }
        if wanted:
            found = (await fetch_ends(take.round, self._view, wanted, START)).offsets
            known = {topic: known.get(topic, {}) | found.get(topic, {}) for topic in known | found}
        self._starts = {topic: known[topic] for topic in take.ends.offsets if topic in known}
        take.starts = self._starts

    async def _find_stable_ends(self, take: SnapshotBuilder) -> None:
        take.read_committed = frozenset(filter(self._reads_committed, take.commits))
        if take.read_committed:
            wanted = take.committed(take.read_committed)
            take.stable_ends = await fetch_ends(take.round, self._view, wanted, STABLE_END)

    async def _find_members(self, take: SnapshotBuilder) -> None:
        known = len(take.round.errors)
        found = await fetch_members(take.round, self._view, take.present())
        take.memberships = {
            name: membership.only(partial(self._looks_at, name))
            for name, membership in found.items()
        }
        take.describe_errors = tuple(take.round.errors[known:])
        del take.round.errors[known:]
        take.lap("describe_ms")

    def _looks_at(self, group: str, topic: str) -> bool:
        return self._wants_topic(topic) and (self._wants_internal or not is_internal(group, topic))

    async def _may_have_commits(self, take: SnapshotBuilder) -> bool:
        """Whether the topic of all commits exists; looking up a coordinator would create it."""
        try:
            await self._view.refresh(take.round, (COMMITS_TOPIC,))
        except KafkaUnavailable:
            return True
        topic = self._view.topics.get(COMMITS_TOPIC)
        return topic is not None and topic.error != codec.UNKNOWN_TOPIC_OR_PARTITION
