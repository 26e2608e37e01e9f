"""Which rights we lack, found out by asking, and the commands that grant them.

Kafka says little about what it leaves out: groups we may not describe are not in its lists, and
commits to topics we may not describe are not among a group's. Only who asks by name is refused. So
a name that nobody has is asked for: if that is refused, there is no right to all names, and each
name we know of is asked for as well. DESCRIBE is the one right that lag needs; on groups and
topics, and where groups are to be listed that we may not describe, on the cluster.

Names known: those of the file's filters that are no patterns, groups that are listed, topics that
members are assigned, which a classic group's members are told whatever our rights.

Rule: nothing here creates what it asks for.
"""

import asyncio
import re
import shlex
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from jmxbridge.kafka.broker import Broker
from jmxbridge.kafka.cluster.commits import CHUNK
from jmxbridge.kafka.cluster.metadata_cache import MetadataCache
from jmxbridge.kafka.cluster.poll_budget import PollBudget
from jmxbridge.kafka.facts.members import Membership
from jmxbridge.kafka.facts.names import NameFilter
from jmxbridge.kafka.wire.api_numbers import DESCRIBE_CLUSTER, Api
from jmxbridge.kafka.wire.codec import KafkaRequest, Schema
from jmxbridge.kafka.wire.error_codes import GROUP_AUTHORIZATION_FAILED, TOPIC_AUTHORIZATION_FAILED
from jmxbridge.kafka.wire.errors import KafkaError, KafkaUnavailable
from jmxbridge.kafka.wire.requests import DescribeGroups, ListGroups, Metadata

PROBE_NAME = "jmxbridge-may-we-describe-any"
"""Asked for as a group and as a topic; that it does not exist makes no difference."""

EVERY = "*"
"""Kafka's own word for every name, in a rule about access."""

MAX_NAMED = 20
"""Names in one command: more of them are better granted at once, by a prefix or all."""

_DESCRIBE = 1 << 8  # AclOperation.DESCRIBE, as a bit
_LITERAL = re.compile(r"[\w-]+")


@dataclass(frozen=True, slots=True)
class MissingRight:
    """A right to describe that we lack: what is left out for want of it, and to whom it belongs.

    `names` holds EVERY where which names are left out cannot be known.
    """

    resource: Literal["group", "topic"]
    names: tuple[str, ...]

    def __str__(self) -> str:
        if EVERY in self.names:
            return _UNKNOWN[self.resource]
        some = ", ".join(map(repr, self.names[:MAX_NAMED]))
        more = f" and {len(self.names) - MAX_NAMED} more" if len(self.names) > MAX_NAMED else ""
        return f"no right to describe {self.resource} {some}{more}: without it there is no lag"

    def command(self, *, principal: str, bootstrap: str, secured: bool) -> str:
        """Return the command that grants it, for who may; `principal` is Kafka's name for us.

        A secured listener wants to know who that is, from a file.
        """
        login = " --command-config admin.properties" if secured else ""
        options = " ".join(
            f"--{self.resource} {shlex.quote(name)}" for name in self.names[:MAX_NAMED]
        )
        return (
            f"kafka-acls.sh --bootstrap-server {bootstrap}{login} --add"
            f" --allow-principal {shlex.quote(principal)} --operation Describe {options}"
        )


def principal(*, sasl: bool, username: str | None, certificate: str | None) -> str:
    """Return Kafka's name for us, as far as the settings tell; the rest is in <>.

    `username` is that of SASL, None where the mechanism or a token says it; `certificate` is the
    name of the file that holds our TLS certificate.
    """
    if sasl:
        return f"User:{username or '<our name>'}"
    if certificate is not None:
        return f"User:<subject of {certificate}>"
    return "User:ANONYMOUS"


_UNKNOWN: Mapping[str, str] = {
    "group": (
        "no right to describe every group, nor the cluster: Kafka leaves groups out of its lists"
        " without a word, and which ones cannot be known"
    ),
    "topic": (
        "no right to describe every topic: Kafka leaves out what groups committed to others"
        " without a word, and which ones cannot be known"
    ),
}


@dataclass(frozen=True, slots=True)
class Scope:
    """What a file wants to see: names that `wants` says, all of them or `names` at least."""

    wants: Callable[[str], bool]
    everything: bool = True
    names: tuple[str, ...] = ()

    @classmethod
    def by(cls, allow: Sequence[str], deny: Sequence[str]) -> "Scope":
        """Read the patterns of a filter; of those in `allow` that are no names none is known."""
        names = tuple(filter(_LITERAL.fullmatch, allow))
        return cls(NameFilter(allow, deny), not allow, names)


@dataclass(frozen=True, slots=True)
class DescribeCluster(KafkaRequest[bool]):
    """May we describe the cluster? Brokers say so from 2.8 on."""

    api: ClassVar[Api] = DESCRIBE_CLUSTER

    def body(self, schema: Schema) -> Any:
        return schema.make("DescribeClusterRequest", include_cluster_authorized_operations=True)

    def reply(self, entity: Any) -> bool:
        return bool(entity.cluster_authorized_operations & _DESCRIBE)


async def missing_rights(
    budget: PollBudget, metadata: MetadataCache, *, groups: Scope, topics: Scope
) -> tuple[MissingRight, ...]:
    """Find out which rights we lack; raises KafkaUnavailable if no broker answers.

    What a broker does not answer is not known, and nothing is said about it; the round has the
    error.
    """
    await metadata.ensure_fresh(budget)
    brokers = list(metadata.brokers.values())
    asked = await asyncio.gather(*(_ask_groups(budget, each, groups.names) for each in brokers))
    answers = [each for each in asked if each is not None]
    if not answers:
        raise KafkaUnavailable("; ".join(budget.errors))
    refused = set[str]().union(*(each.refused for each in answers))
    assigned = set[str]().union(*(each.topics for each in answers))
    missing = []
    if PROBE_NAME in refused and groups.everything and not await _sees_all(budget, brokers):
        missing.append(MissingRight("group", (EVERY,)))
    elif named := sorted(filter(groups.wants, refused - {PROBE_NAME})):
        missing.append(MissingRight("group", tuple(named)))
    return (*missing, *await _missing_topics(budget, metadata, topics, assigned))


@dataclass(frozen=True, slots=True)
class _Answer:
    """Groups that a broker refused to describe, and topics that members are assigned."""

    refused: frozenset[str]
    topics: frozenset[str]


async def _ask_groups(budget: PollBudget, broker: Broker, named: Iterable[str]) -> _Answer | None:
    """Describe the groups that a broker lists, and those named, whoever coordinates them.

    Rights are looked at before anything else: who is refused is refused by every broker.
    """
    refused: set[str] = set()
    topics: set[str] = set()
    try:
        _, listed = await budget.ask(broker, ListGroups())
        names = sorted({PROBE_NAME, *named, *(group.name for group in listed)})
        for start in range(0, len(names), CHUNK):
            request = DescribeGroups(tuple(names[start : start + CHUNK]))
            for name, (error, membership) in (await budget.ask(broker, request)).items():
                if error == GROUP_AUTHORIZATION_FAILED:
                    refused.add(name)
                topics |= _assigned(membership)
    except KafkaError:
        return None
    return _Answer(frozenset(refused), frozenset(topics))


def _assigned(membership: Membership) -> set[str]:
    return {topic for member in membership.members for topic, _ in member.assigned}


async def _sees_all(budget: PollBudget, brokers: Iterable[Broker]) -> bool:
    """Whether every group is listed; where no broker can say so, nothing is complained of."""
    for broker in brokers:
        try:
            return await budget.ask(broker, DescribeCluster())
        except KafkaError:
            continue
    return True


async def _missing_topics(
    budget: PollBudget, metadata: MetadataCache, wanted: Scope, assigned: Collection[str]
) -> tuple[MissingRight, ...]:
    names = tuple(sorted({PROBE_NAME, *wanted.names, *assigned}))
    for broker in metadata.connected_first():
        try:
            found = (await budget.ask(broker, Metadata(names))).topics
            break
        except KafkaError:
            continue
    else:
        return ()
    refused = {name for name, each in found.items() if each.error == TOPIC_AUTHORIZATION_FAILED}
    missing = []
    if named := sorted(filter(wanted.wants, refused - {PROBE_NAME})):
        missing.append(MissingRight("topic", tuple(named)))
    if PROBE_NAME in refused and wanted.everything:
        missing.append(MissingRight("topic", (EVERY,)))
    return tuple(missing)
