"""Which JMX port is a broker's: Kafka does not say, so ports are tried until its JVM answers.

Rule: a JVM is a broker's only if it says that broker's id, and its cluster's where both are known:
so two brokers on one host are never one another's, of one cluster or of two. On this machine the
JVMs' command lines name their ports; elsewhere the usual ones are tried, all of them at once and on
the brokers' hosts alone.
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

# 9999 is Kafka's own example; its neighbours are where further brokers of a host are put; 9101 is
# what Confluent's images are shown with; the last two are RMI's and Tomcat's examples.
USUAL_PORTS = (9999, 9998, 9997, 10000, 10001, 9101, 1099, 9010)
# Of processes: more JVMs than a machine runs.
MAX_PORTS_HERE = 64
# Connections at once: below the 1,024 files that a process may have open, and enough for a hundred
# brokers behind a firewall that answers nothing to be done with in a few timeouts.
MANY = 256

# Errors of a port that is JMX, and errors that are about the host and not the port.
TELLING = frozenset({"access", "tls", "unreachable_advertised"})
NOT_THERE = frozenset({"resolve", "unreachable"})

MEND = "start the broker with JMX_PORT=9999, or say its port with --jmx-port"

# Packs that a broker's JVM may need; one that takes nothing of it is left out. Topics may come
# later. Partitions are for a person to ask for: they are many series.
PACKS = ("kafka-broker", "kafka-topics", "kafka-kraft", "kafka-zookeeper", "jvm")
ALWAYS = "kafka-topics"

_PORT_OPTION = re.compile(rb"(?<=\0)-Dcom\.sun\.management\.jmxremote\.port=(\d{1,5})(?=\0)")


_CLUSTER_ID = "kafka.server:type=KafkaServer,name=ClusterId"


@dataclass(frozen=True, slots=True)
class Answer:
    """What one port had: the JVM's names, or why there are none (`JmxError.error_class`).

    `cluster` is the id of a broker's cluster, None where the JVM does not say it.
    """

    jmx: Address
    names: "Sequence[ObjectName]" = ()
    problem: str = ""
    error_class: str = ""
    cluster: str | None = None


@dataclass(frozen=True, slots=True)
class Sought:
    """A broker as Kafka knows it; `cluster` is None where that is too old to say it."""

    node: int
    host: str
    cluster: str | None

    def is_at(self, answer: Answer) -> bool:
        """Whether the JVM says that it is this broker."""
        return str(self.node) in broker_ids(answer.names) and not self._is_foreign(answer)

    def may_be_at(self, answer: Answer) -> bool:
        """Whether the JVM is a broker and says nothing to the contrary."""
        return hides_its_id(answer.names) and not self._is_foreign(answer)

    def _is_foreign(self, answer: Answer) -> bool:
        return None not in (self.cluster, answer.cluster) and self.cluster != answer.cluster


def candidates(host: str, told: int | None, proc: Path = Path("/proc")) -> tuple[int, ...]:
    """Return the ports to try on a host, the likeliest first: the one we were told, or many."""
    if told is not None:
        return (told,)
    here = ports_here(proc) if is_here(host) else ()
    return tuple(dict.fromkeys((*here, *USUAL_PORTS)))


def is_here(host: str) -> bool:
    """Whether a host is this machine, as far as its name says."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() in ("localhost", socket.gethostname().lower())


def ports_here(proc: Path) -> list[int]:
    """Return the JMX ports that command lines of this machine name, those we may read."""
    found: set[int] = set()
    for path in sorted(proc.glob("[0-9]*/cmdline")):
        try:
            found.update(int(port) for port in _PORT_OPTION.findall(path.read_bytes()))
        except OSError:  # it ended meanwhile, or is another's
            continue
    return sorted(port for port in found if 0 < port < 65536)[:MAX_PORTS_HERE]


async def find_jvm(
    sought: Sought, told: int | None, timeout_s: float, turn: asyncio.Semaphore
) -> FoundBroker:
    """Find a broker's JVM and the packs that take something of it, or say why there is none."""

    async def ask(port: int) -> Answer:
        async with turn:
            return await try_port(Address(sought.host, port), timeout_s)

    answers = await asyncio.gather(*map(ask, candidates(sought.host, told)))
    return choose(sought, answers)


def choose(sought: Sought, answers: Sequence[Answer]) -> FoundBroker:
    """Take the first answer that is this broker's, else say why none is."""
    name, first = f"broker-{sought.node}", answers[0].jmx
    told = len(answers) == 1
    for each in answers:
        if sought.is_at(each) or (told and sought.may_be_at(each)):
            return FoundBroker(name, each.jmx, fitting(each.names))
    for each in answers:
        if each.error_class in TELLING:
            return FoundBroker(name, each.jmx, problem=each.problem)
    if told or {each.error_class for each in answers} <= NOT_THERE:
        said = answers[0].problem or f"the JVM at {first} is {who(answers[0])}"
    else:
        tried = ", ".join(str(each.jmx.port) for each in answers)
        said = f"none of the ports {tried} of {first.host} is this broker's JMX"
    first = first if told else Address(first.host, USUAL_PORTS[0])
    return FoundBroker(name, first, problem=f"{said}; {MEND}")


def hides_its_id(names: "Collection[ObjectName]") -> bool:
    """Whether a JVM is a broker that does not say which."""
    return any(each.domain == "kafka.server" for each in names) and not broker_ids(names)


def who(answer: Answer) -> str:
    """Say whose JVM it is that is not the broker's."""
    ids = broker_ids(answer.names)
    of_cluster = f" of cluster {answer.cluster}" if answer.cluster else ""
    return f"broker {', '.join(ids)}{of_cluster}" if ids else "no broker's"


def broker_ids(names: "Collection[ObjectName]") -> list[str]:
    """Return what a JVM says of which broker it is; nothing where it is none."""
    found = (name.value("id") for name in names if _is_app_info(name))
    return sorted({each for each in found if each is not None})


def _is_app_info(name: "ObjectName") -> bool:
    return name.domain == "kafka.server" and name.value("type") == "app-info"


def fitting(names: "Sequence[ObjectName]") -> list[str]:
    """Return the packs that take something of a broker's JVM."""
    from jmxbridge.config.loader import pack_rules
    from jmxbridge.mbeans.discovery import take

    return [pack for pack in PACKS if pack == ALWAYS or len(take(pack_rules(pack), names))]


async def _cluster(mbeans: "Connection", names: "Sequence[ObjectName]") -> str | None:
    """Ask a JVM for the id of its cluster."""
    for name in names:
        if str(name) == _CLUSTER_ID:
            value = (await mbeans.get(name, ["Value"])).get("Value")
            return value if isinstance(value, str) else None
    return None


async def try_port(jmx: Address, timeout_s: float) -> Answer:
    """Ask a port for its MBeans; whatever is there, there is an answer."""
    from jmxbridge import jmx as library
    from jmxbridge.jmx import JmxError

    try:
        async with (
            asyncio.timeout(timeout_s),
            await library.connect(jmx.host, jmx.port) as mbeans,
        ):
            names = await mbeans.query(None)
            return Answer(jmx, names, cluster=await _cluster(mbeans, names))
    except JmxError as exc:
        return Answer(jmx, (), str(exc), exc.error_class)
    except TimeoutError:
        return Answer(jmx, (), f"{jmx}: no answer within {timeout_s:g} s", "timeout")
