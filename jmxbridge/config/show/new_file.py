"""New file for a cluster that `init` looked at.

Rule: the file passes `check`. A broker that could not be reached is in it as a comment, with the
reason.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from jmxbridge.config.values.address import Address

# A few names tell which cluster it is; a thousand would bury the rest of the file.
MAX_NAMED = 8


@dataclass(frozen=True, slots=True)
class FoundBroker:
    """A broker: its JMX address, the packs that match its MBeans, or why it could not be read."""

    name: str
    jmx: Address
    packs: Sequence[str] = ()
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class FoundCluster:
    """A cluster as `init` found it; groups and topics are those that a lag poll would read.

    `access` are the lines of the file that tell how to connect (`effective.access`).
    """

    bootstrap: Sequence[Address]
    brokers: Sequence[FoundBroker]
    groups: Sequence[str]
    topics: Sequence[str]
    access: str = ""


def propose(cluster: FoundCluster) -> str:
    """Return a mbeans.yaml for the cluster."""
    lines = [
        "# Written by `jmxbridge init`; `jmxbridge check --connect` tests it against the servers.",
        "",
        "cluster: local        # a tag on every point: give each Kafka cluster a name of its own",
        "interval: 10s",
        "",
        "# Without this section, the points of the last two days stay in the local store.",
        "#influxdb:",
        "#  url: http://127.0.0.1:8086",
        "#  bucket: kafka                    # InfluxDB 1.8: the database",
        "#  org: ops                         # InfluxDB 2; leave it out for 1.8 and 3",
        "#  token: ${INFLUX_TOKEN}",
        "",
        "# Lag of consumer groups, from their committed offsets.",
        f"# Groups now: {_some(cluster.groups)}.",
        f"# Topics they committed to: {_some(cluster.topics)}.",
        "kafka:",
        f"  bootstrap: [{', '.join(_quoted(str(address)) for address in cluster.bootstrap)}]",
        *cluster.access.splitlines(),
        "  groups: {deny: ['console-consumer-\\d+']}",
        "",
        "# JVMs to poll over JMX. `collect` names packs that ship with jmxbridge, or your own sets",
        "# under `mbeans:`; `jmxbridge mbeans explain TARGET` shows the MBeans they match.",
        "targets:",
        *(line for broker in cluster.brokers for line in _target(broker)),
        "  # A consumer started with -Dcom.sun.management.jmxremote.port=9998 and the like:",
        "  #- {name: orders, jmx: 'app-7:9998', collect: [kafka-consumer, jvm]}",
    ]
    if not any(broker.problem is None for broker in cluster.brokers):
        lines = [f"#{line}" if line == "targets:" else line for line in lines]
    return "\n".join(lines) + "\n"


def _target(broker: FoundBroker) -> list[str]:
    """Return the line of a target; a comment, below its reason, where it cannot be polled now."""
    packs = ", ".join(broker.packs or ("kafka-broker", "kafka-topics", "jvm"))
    line = f"- {{name: {broker.name}, jmx: {_quoted(str(broker.jmx))}, collect: [{packs}]}}"
    if broker.problem is None:
        return [f"  {line}"]
    reason = " ".join(broker.problem.split())
    return [f"  # {reason}", f"  #{line}"]


def _quoted(text: str) -> str:
    return f"'{text}'"


def _some(names: Sequence[str]) -> str:
    """Return a few of the names, and the number of the others."""
    if not names:
        return "none"
    shown = ", ".join(name for name in sorted(names)[:MAX_NAMED] if name.isprintable())
    rest = len(names) - min(len(names), MAX_NAMED)
    return shown + (f" and {rest} more" if rest else "")
