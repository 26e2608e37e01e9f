"""Client verdicts on real consumers: not committing, slow, dead."""

import logging
import os
import pty
import re
import select
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from demo.servers import Client, Jvm, Kafka
from jmxbridge.build import poller_specs
from jmxbridge.config.loader import load
from jmxbridge.mbeans.consumers import Consumers
from jmxbridge.mbeans.topics import TopicNames
from jmxbridge.point import FieldValue, Point
from jmxbridge.pollers.poller import Poller
from jmxbridge.pollers.schedule import Tick
from jmxbridge.times import NS

pytestmark = pytest.mark.real

MEMBER = Path(__file__).with_name("Member.java")
INTERVAL_NS = 10 * NS
DEADLINE_S = 60
WINDOW = 12
"""Polls after which a whole window has been seen."""


@pytest.fixture
def join(kafka: Kafka, tmp_path: Path) -> Iterator[Callable[[str, str], Jvm]]:
    """Start a group member with JMX: `join(group, topic)`; its client id is the group's name."""
    members: list[Jvm] = []

    def start(group: str, topic: str) -> Jvm:
        args = (kafka.bootstrap, group, topic, group, "classic")
        member = Jvm(MEMBER, *args, libs=[kafka.libs], log=tmp_path / f"{group}.log")
        members.append(member)
        return member.start()

    yield start
    for member in members:
        member.close()


class Watching:
    """The pollers of a file, polled by hand with ticks ten seconds apart."""

    def __init__(self, pollers: Sequence[Poller]) -> None:
        self.pollers = pollers
        self.ticks = 0

    async def poll(self) -> Mapping[str, Mapping[str, FieldValue]]:
        """Poll once, targets first; return the fields of `kafka_consumer_lag_group` by group."""
        self.ticks += 1
        points: list[Point] = []
        for poller in self.pollers:
            points += await poller.poll(Tick(self.ticks * INTERVAL_NS, 0))
        return {
            point.tags["group"]: point.fields
            for point in points
            if point.measurement == "kafka_consumer_lag_group"
        }


@pytest.fixture
async def watch(kafka: Kafka, tmp_path: Path) -> AsyncIterator[Callable[..., Watching]]:
    """Poll members: `watch(group=jvm)`, each target named after its group."""
    pollers: list[Poller] = []

    def start(**members: Jvm) -> Watching:
        targets = "".join(
            f"  - {{name: {name}, jmx: '127.0.0.1:{jvm.jmx_port}', collect: [kafka-consumer]}}\n"
            for name, jvm in members.items()
        )
        file = tmp_path / "mbeans.yaml"
        file.write_text(f"kafka: {{bootstrap: '{kafka.bootstrap}'}}\ntargets:\n{targets}")
        wanted = poller_specs(
            load(file, {}), interval_ns=INTERVAL_NS, topics=TopicNames(), consumers=Consumers()
        )
        pollers.extend(spec.make() for spec in wanted)
        return Watching(pollers)

    yield start
    for poller in pollers:
        await poller.close()


@pytest.fixture
def said_of(tmp_path: Path) -> Callable[[str], str]:
    """Return the sentences of `jmxbridge lag GROUP`, on the file of `watch`."""

    def call(group: str) -> str:
        command = [sys.executable, "-m", "jmxbridge", "lag", group]
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=DEADLINE_S, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stderr

    return call


async def test_three_consumers_are_told_apart(
    client: Client,
    join: Callable[[str, str], Jvm],
    watch: Callable[..., Watching],
    fresh_name: Callable[[str], str],
    said_of: Callable[[str], str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One never commits, one stops committing, one is too slow; then one is killed."""
    caplog.set_level(logging.WARNING, "jmxbridge")
    never, stands, slow = (fresh_name(stem) for stem in ("never", "stands", "slow"))
    members = {}
    for group in (never, stands, slow):
        client.create(group)
        members[group] = join(group, group)
    client.produce(stands, 1)
    members[stands].ask("commit 0 0")
    members[slow].ask("take 0")
    client.produce(slow, 100)
    watching = watch(**members)
    for n in range(1, WINDOW + 1):
        client.produce(never, 10)
        client.produce(stands, 10)
        client.produce(slow, 20)
        members[never].ask(f"read {10 * n}")
        members[stands].ask(f"read {10 * n + 1}")
        members[slow].ask("take 10")
        groups = await watching.poll()

    assert {name: groups[name].get("client") for name in members} == {
        never: "reads_not_commits",
        stands: "reads_not_commits",
        slow: "slow",
    }
    assert groups[stands]["lag_max"] == 10 * WINDOW + 1
    assert groups[stands]["client_lag_max"] == 0.0
    assert groups[never]["client_worst"] == never
    assert groups[never]["client_age_seconds"] == 0.0
    assert f"client {stands} of target {stands} reads, and is well ahead of" in said_of(stands)
    assert f"client {never} of target {never} reads, and has committed nothing" in said_of(never)

    members[stands].kill()
    client.produce(stands, 10)
    for _ in range(2):
        groups = await watching.poll()

    assert groups[stands]["client"] == "dead"
    assert groups[stands]["client_age_seconds"] == 20.0
    assert groups[never]["client"] == "reads_not_commits"
    assert f"warning: target {stands}: " in said_of(stands)
    messages = [r.getMessage() for r in caplog.records if f"group {stands}:" in r.getMessage()]
    assert [line.split(": ")[2] for line in messages] == [
        f"client {stands} of target {stands} reads but does not commit",
        f"client {stands} of target {stands} is dead",
    ]


def test_watching_draws_the_lag_in_red(
    kafka: Kafka, client: Client, fresh_name: Callable[[str], str], tmp_path: Path
) -> None:
    """`lag --watch` prints a sparkline under the rows, and a status from the second look on."""
    topic, group = fresh_name("orders"), fresh_name("billing")
    client.create(topic)
    client.commit(group, topic)
    client.produce(topic, 7)
    ours, theirs = pty.openpty()
    command = ["lag", group, "--bootstrap", kafka.bootstrap, "--watch", "--every", "0.5"]
    environ = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    with subprocess.Popen(
        [sys.executable, "-m", "jmxbridge", *command],
        cwd=tmp_path,
        stdout=theirs,
        stderr=theirs,
        env={**environ, "PYTHONIOENCODING": "utf-8"},
    ) as watching:
        try:
            seen = ""
            while f"{topic} \x1b[31m███\x1b[0m 7" not in seen:
                assert select.select([ours], [], [], DEADLINE_S)[0], seen
                seen += os.read(ours, 65536).decode(errors="replace")
        finally:
            watching.terminate()
            os.close(theirs)
    os.close(ours)
    first, second, *_ = (look for look in seen.split("\x1b[H\x1b[2J") if look)
    row = rf"{topic} +0 +0 +7 +\x1b\[31m7 *\x1b\[0m +~?\d+ +"
    assert re.search(row + "-", first), first
    assert re.search(row + "(OK|STOP)", second), second
