"""Missing DESCRIBE rights (ACLs), found by requests, and the commands that grant them.

Kafka leaves out silently what we may not see: groups without DESCRIBE are not in its lists, and
commits to topics without DESCRIBE are not among a group's commits. It refuses only requests by
name. So a name that does not exist is requested: if that is refused, we lack the right to all
names, and each known name is requested as well. DESCRIBE is the only right that lag needs: on
groups and topics, or on the cluster, to list groups that we may not describe.

The known names are the literal names in the configured filters, the groups listed, and the topics
assigned to members, which a classic group shows whatever our rights on topics.

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
from jmxbridge.kafka.facts.names import NameFilter
from jmxbridge.kafka.wire.api_numbers import DESCRIBE_CLUSTER, Api
from jmxbridge.kafka.wire.codec import KafkaRequest, Schema
from jmxbridge.kafka.wire.error_codes import GROUP_AUTHORIZATION_FAILED, TOPIC_AUTHORIZATION_FAILED
from jmxbridge.kafka.wire.errors import KafkaError, KafkaUnavailable
from jmxbridge.kafka.wire.requests import DescribeGroups, ListGroups, Metadata

PROBE_NAME = "jmxbridge-may-we-describe-any"
"""Requested as a group and as a topic; Kafka checks rights before it looks for either."""

EVERY = "*"
"""Kafka's name for all names, in an ACL."""

MAX_NAMED = 20
"""Names in one command: more than that are better granted by a prefix or all at once."""

_DESCRIBE = 1 << 8  # AclOperation.DESCRIBE, as a bit
_LITERAL = re.compile(r"[\w-]+")


@dataclass(frozen=True, slots=True)
class MissingRight:
    """DESCRIBE on groups or topics that we lack.

    `names` holds EVERY if it cannot be known which names Kafka leaves out.
    """

    resource: Literal["group", "topic"]
    names: tuple[str, ...]

    def __str__(self) -> str:
        if EVERY in self.names:
            return _UNKNOWN[self.resource]
        named = ", ".join(map(repr, self.names[:MAX_NAMED]))
        more = f" and {len(self.names) - MAX_NAMED} more" if len(self.names) > MAX_NAMED else ""
        return f"no right to describe {self.resource} {named}{more}: without it there is no lag"

    def command(self, *, principal: str, bootstrap: str, secured: bool) -> str:
        """Return the command by which an administrator grants it.

        `principal` is Kafka's name for us. A `secured` listener needs the administrator's login,
        which the command reads from a file.
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
        "no right to describe every group, nor the cluster: Kafka silently leaves groups out of"
        " its lists, and which ones cannot be known"
    ),
    "topic": (
        "no right to describe every topic: Kafka silently leaves out commits to other topics,"
        " and which ones cannot be known"
    ),
}


@dataclass(frozen=True, slots=True)
class Scope:
    """The names of a filter: those that `wants` accepts; if not `everything`, at least `names`."""

    wants: Callable[[str], bool]
    everything: bool = True
    names: tuple[str, ...] = ()

    @classmethod
    def by(cls, allow: Sequence[str], deny: Sequence[str]) -> "Scope":
        """Return the scope of a filter; an `allow` pattern that is no literal gives no name."""
        names = tuple(filter(_LITERAL.fullmatch, allow))
        return cls(NameFilter(allow, deny), not allow, names)


@dataclass(frozen=True, slots=True)
class DescribeCluster(KafkaRequest[bool]):
    """Ask whether we may describe the cluster → yes or no (since Kafka 2.8)."""

    api: ClassVar[Api] = DESCRIBE_CLUSTER

    def body(self, schema: Schema) -> Any:
        return schema.make("DescribeClusterRequest", include_cluster_authorized_operations=True)

    def reply(self, entity: Any) -> bool:
        return bool(entity.cluster_authorized_operations & _DESCRIBE)


async def missing_rights(
    budget: PollBudget, metadata: MetadataCache, *, groups: Scope, topics: Scope
) -> tuple[MissingRight, ...]:
    """Return the rights we lack; raises KafkaUnavailable if no broker answers.

    Nothing is reported about what a broker did not answer; `budget` has the error.
    """
    await metadata.ensure_fresh(budget)
    brokers = list(metadata.brokers.values())
    replies = await asyncio.gather(
        *(_describe_groups(budget, broker, groups.names) for broker in brokers)
    )
    answers = [reply for reply in replies if reply is not None]
    if not answers:
        raise KafkaUnavailable("; ".join(budget.errors))
    refused = set[str]().union(*(answer.refused for answer in answers))
    assigned = set[str]().union(*(answer.assigned for answer in answers))
    missing = []
    if PROBE_NAME in refused and groups.everything and not await _sees_all_groups(budget, brokers):
        missing.append(MissingRight("group", (EVERY,)))
    elif named := sorted(filter(groups.wants, refused - {PROBE_NAME})):
        missing.append(MissingRight("group", tuple(named)))
    return (*missing, *await _missing_topics(budget, metadata, topics, assigned))


@dataclass(frozen=True, slots=True)
class _DescribedGroups:
    """Groups that a broker refused to describe, and topics assigned to members of the others."""

    refused: frozenset[str]
    assigned: frozenset[str]


async def _describe_groups(
    budget: PollBudget, broker: Broker, named: Iterable[str]
) -> _DescribedGroups | None:
    """Describe the groups that a broker lists, and those named, whatever their coordinator.

    A broker checks rights first, so every broker refuses the same names.
    """
    refused: set[str] = set()
    assigned: set[str] = set()
    try:
        _, listed = await budget.ask(broker, ListGroups())
        names = sorted({PROBE_NAME, *named, *(group.name for group in listed)})
        for start in range(0, len(names), CHUNK):
            request = DescribeGroups(tuple(names[start : start + CHUNK]))
            for name, (error, membership) in (await budget.ask(broker, request)).items():
                if error == GROUP_AUTHORIZATION_FAILED:
                    refused.add(name)
                assigned |= {topic for member in membership.members for topic, _ in member.assigned}
    except KafkaError:
        return None
    return _DescribedGroups(frozenset(refused), frozenset(assigned))


async def _sees_all_groups(budget: PollBudget, brokers: Iterable[Broker]) -> bool:
    """Whether brokers list every group to us; assumed if no broker can tell."""
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
            topics = (await budget.ask(broker, Metadata(names))).topics
            break
        except KafkaError:
            continue
    else:
        return ()
    refused = {name for name, topic in topics.items() if topic.error == TOPIC_AUTHORIZATION_FAILED}
    missing = []
    if named := sorted(filter(wanted.wants, refused - {PROBE_NAME})):
        missing.append(MissingRight("topic", tuple(named)))
    if PROBE_NAME in refused and wanted.everything:
        missing.append(MissingRight("topic", (EVERY,)))
    return tuple(missing)
