"""A first file for a cluster that was looked at: what is there to poll, in the house's words.

Rule: it passes `check`, and what could not be reached stands in it as a comment with the reason.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from jmxbridge.config.values.address import Address

# A name or two say what a cluster is for; a thousand would hide the file.
MAX_NAMED = 8


@dataclass(frozen=True, slots=True)
class FoundBroker:
    """A broker: where its JMX should be, the packs that take something of it, or why none does."""

    name: str
    jmx: Address
    packs: Sequence[str] = ()
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class FoundCluster:
    """A cluster as one look found it; groups and topics are those that a lag poll would take.

    `access` is how its brokers are met, as lines of the file (`effective.access`).
    """

    bootstrap: Sequence[Address]
    brokers: Sequence[FoundBroker]
    groups: Sequence[str]
    topics: Sequence[str]
    access: str = ""


def propose(found: FoundCluster) -> str:
    """Write a mbeans.yaml."""
    lines = [
        "# What to poll, by `jmxbridge init`; `jmxbridge check --connect` tells what it finds.",
        "",
        "cluster: local        # a tag on every point: give each Kafka cluster a name of its own",
        "interval: 10s",
        "",
        "# Without this section points stay in the local store, the last two days of them.",
        "#influxdb:",
        "#  url: http://127.0.0.1:8086",
        "#  bucket: kafka                    # InfluxDB 1.8: the database",
        "#  org: ops                         # InfluxDB 2; leave it out for 1.8 and 3",
        "#  token: ${INFLUX_TOKEN}",
        "",
        "# Lag of consumer groups, from their committed offsets.",
        f"# Groups now: {_some(found.groups)}.",
        f"# Topics they committed to: {_some(found.topics)}.",
        "kafka:",
        f"  bootstrap: [{', '.join(f'{_quoted(str(each))}' for each in found.bootstrap)}]",
        *found.access.splitlines(),
        "  groups: {deny: ['console-consumer-\\d+']}",
        "",
        "# JVMs to poll over JMX. `collect` names sets that ship with jmxbridge, or own ones below",
        "# `mbeans:`; `jmxbridge mbeans explain TARGET` shows what they take.",
        "targets:",
        *(line for broker in found.brokers for line in _target(broker)),
        "  # A consumer started with -Dcom.sun.management.jmxremote.port=9998 and the like:",
        "  #- {name: orders, jmx: 'app-7:9998', collect: [kafka-consumer, jvm]}",
    ]
    if not any(broker.problem is None for broker in found.brokers):
        lines = [f"#{line}" if line == "targets:" else line for line in lines]
    return "\n".join(lines) + "\n"


def _target(broker: FoundBroker) -> list[str]:
    """One line; with a # before it, and the reason above it, where it cannot be polled now."""
    packs = ", ".join(broker.packs or ("kafka-broker", "kafka-topics", "jvm"))
    line = f"- {{name: {broker.name}, jmx: {_quoted(str(broker.jmx))}, collect: [{packs}]}}"
    if broker.problem is None:
        return [f"  {line}"]
    reason = " ".join(broker.problem.split())
    return [f"  # {reason}", f"  #{line}"]


def _quoted(text: str) -> str:
    return f"'{text}'"


def _some(names: Sequence[str]) -> str:
    """Name a few, and say how many there are beside them."""
    if not names:
        return "none"
    shown = ", ".join(name for name in sorted(names)[:MAX_NAMED] if name.isprintable())
    rest = len(names) - min(len(names), MAX_NAMED)
    return shown + (f" and {rest} more" if rest else "")
