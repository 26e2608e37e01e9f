"""Search for a broker's JMX port: Kafka does not report it, so ports are tried.

Rule: a JVM is taken for a broker only if it reports that broker's id, and the same cluster id if
both sides know theirs. So two brokers on one host, of one cluster or of two, are never mixed up. On
this machine the command lines of the JVMs show their ports; elsewhere the usual ports are tried,
all at once and only on the brokers' hosts.
"""

import asyncio
import re
import socket
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from jmxbridge.config.show.new_file import FoundBroker
from jmxbridge.config.values.address import Address

if TYPE_CHECKING:
    from jmxbridge.jmx import Connection, ObjectName

USUAL_PORTS = (9999, 9998, 9997, 10000, 10001, 9101, 1099, 9010)
"""9999 is the example of Kafka's documentation; further brokers on a host often use the next ports;
9101 is the example of Confluent's images; the last two are the examples of RMI and Tomcat.
"""

MAX_LOCAL_PORTS = 64
"""Ports from command lines: more than the number of JVMs on a machine."""

MAX_CONNECTIONS = 256
"""Connections at once: below the 1,024 files that a process may open, and enough to try a hundred
brokers behind a silent firewall within a few timeouts.
"""

JMX_ERRORS = frozenset({"access", "tls", "unreachable_advertised"})
"""Error classes of a port that speaks JMX."""

HOST_ERRORS = frozenset({"resolve", "unreachable"})
"""Error classes that concern the host, not the port."""

FIX = "start the broker with JMX_PORT=9999, or give its port with --jmx-port"

PACKS = ("kafka-broker", "kafka-topics", "kafka-kraft", "kafka-zookeeper", "jvm")
"""Packs for a broker; one that matches no MBean is left out. `kafka-partitions` is never proposed,
because it has very many series.
"""
ALWAYS = "kafka-topics"  # a new cluster has no topics yet

_PORT_OPTION = re.compile(rb"(?<=\0)-Dcom\.sun\.management\.jmxremote\.port=(\d{1,5})(?=\0)")
_CLUSTER_ID = "kafka.server:type=KafkaServer,name=ClusterId"


@dataclass(frozen=True, slots=True)
class PortAnswer:
    """Answer of one port: the JVM's MBeans, or the error and its `JmxError.error_class`.

    `cluster` is the id of a broker's cluster; None if the JVM does not report it.
    """

    jmx: Address
    names: "Sequence[ObjectName]" = ()
    problem: str = ""
    error_class: str = ""
    cluster: str | None = None


@dataclass(frozen=True, slots=True)
class SoughtBroker:
    """A broker from Kafka's metadata; `cluster` is None if Kafka is too old to report it."""

    node: int
    host: str
    cluster: str | None

    def is_at(self, answer: PortAnswer) -> bool:
        """Tell whether the JVM reports this broker's id."""
        return str(self.node) in broker_ids(answer.names) and not self._is_foreign(answer)

    def may_be_at(self, answer: PortAnswer) -> bool:
        """Tell whether the JVM is a broker that could be this one: it reports no id."""
        return hides_its_id(answer.names) and not self._is_foreign(answer)

    def _is_foreign(self, answer: PortAnswer) -> bool:
        return None not in (self.cluster, answer.cluster) and self.cluster != answer.cluster


def candidates(host: str, given: int | None, proc: Path = Path("/proc")) -> tuple[int, ...]:
    """Return the ports to try on a host: the one that was given, else many, the likeliest first."""
    if given is not None:
        return (given,)
    local = local_ports(proc) if is_local(host) else ()
    return tuple(dict.fromkeys((*local, *USUAL_PORTS)))


def is_local(host: str) -> bool:
    """Tell whether a host is this machine, judging by its name."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() in ("localhost", socket.gethostname().lower())


def local_ports(proc: Path) -> list[int]:
    """Return the JMX ports in the command lines of this machine's processes."""
    ports: set[int] = set()
    for path in sorted(proc.glob("[0-9]*/cmdline")):
        try:
            ports.update(int(port) for port in _PORT_OPTION.findall(path.read_bytes()))
        except OSError:  # the process has ended, or belongs to another user
            continue
    return sorted(port for port in ports if 0 < port < 65536)[:MAX_LOCAL_PORTS]


async def find_jvm(
    sought: SoughtBroker, given: int | None, timeout_s: float, limit: asyncio.Semaphore
) -> FoundBroker:
    """Find a broker's JVM and the packs that match it, or the reason why it was not found.

    `given` is the port from the command line; `limit` bounds the connections at once.
    """

    async def ask(port: int) -> PortAnswer:
        async with limit:
            return await try_port(Address(sought.host, port), timeout_s)

    answers = await asyncio.gather(*map(ask, candidates(sought.host, given)))
    return choose(sought, answers)


def choose(sought: SoughtBroker, answers: Sequence[PortAnswer]) -> FoundBroker:
    """Choose the first answer that is this broker's, else the reason why none is."""
    name, first = f"broker-{sought.node}", answers[0].jmx
    given = len(answers) == 1
    for answer in answers:
        if sought.is_at(answer) or (given and sought.may_be_at(answer)):
            return FoundBroker(name, answer.jmx, matching_packs(answer.names))
    for answer in answers:
        if answer.error_class in JMX_ERRORS:
            return FoundBroker(name, answer.jmx, problem=answer.problem)
    if given or {answer.error_class for answer in answers} <= HOST_ERRORS:
        problem = answers[0].problem or f"the JVM at {first} is {identity(answers[0])}"
    else:
        tried = ", ".join(str(answer.jmx.port) for answer in answers)
        problem = f"none of the ports {tried} of {first.host} is this broker's JMX"
    first = first if given else Address(first.host, USUAL_PORTS[0])
    return FoundBroker(name, first, problem=f"{problem}; {FIX}")


def hides_its_id(names: "Collection[ObjectName]") -> bool:
    """Tell whether a JVM is a broker that does not report its id."""
    return any(name.domain == "kafka.server" for name in names) and not broker_ids(names)


def identity(answer: PortAnswer) -> str:
    """Describe the JVM that answered instead of the broker."""
    ids = broker_ids(answer.names)
    of_cluster = f" of cluster {answer.cluster}" if answer.cluster else ""
    return f"broker {', '.join(ids)}{of_cluster}" if ids else "no broker's"


def broker_ids(names: "Collection[ObjectName]") -> list[str]:
    """Return the broker ids that a JVM reports; empty if it is no broker."""
    ids = (name.value("id") for name in names if _is_app_info(name))
    return sorted({broker for broker in ids if broker is not None})


def _is_app_info(name: "ObjectName") -> bool:
    return name.domain == "kafka.server" and name.value("type") == "app-info"


def matching_packs(names: "Sequence[ObjectName]") -> list[str]:
    """Return the packs that match MBeans of a broker's JVM."""
    from jmxbridge.config.loader import pack_rules
    from jmxbridge.mbeans.discovery import find_claims

    return [pack for pack in PACKS if pack == ALWAYS or len(find_claims(pack_rules(pack), names))]


async def _cluster(mbeans: "Connection", names: "Sequence[ObjectName]") -> str | None:
    """Read the id of a JVM's cluster."""
    for name in names:
        if str(name) == _CLUSTER_ID:
            value = (await mbeans.get(name, ["Value"])).get("Value")
            return value if isinstance(value, str) else None
    return None


async def try_port(jmx: Address, timeout_s: float) -> PortAnswer:
    """Read the names of a port's MBeans; an error is an answer too."""
    from jmxbridge import jmx as library
    from jmxbridge.jmx import JmxError

    try:
        async with (
            asyncio.timeout(timeout_s),
            await library.connect(jmx.host, jmx.port) as mbeans,
        ):
            names = await mbeans.query(None)
            return PortAnswer(jmx, names, cluster=await _cluster(mbeans, names))
    except JmxError as exc:
        return PortAnswer(jmx, (), str(exc), exc.error_class)
    except TimeoutError:
        return PortAnswer(jmx, (), f"{jmx}: no answer within {timeout_s:g} s", "timeout")
