"""One pass: polled once, stored, and sent; and a store that is drained."""

import asyncio
import gzip
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from jmxbridge import once
from jmxbridge.config.loader import load
from jmxbridge.config.model.models import Settings
from jmxbridge.influx.body import Body
from jmxbridge.influx.outcome import HttpAnswer, NoAnswer, Outcome
from jmxbridge.once import Drained, Polled, deliver, drain, meet_brokers, poll_once
from jmxbridge.store import StoreReader
from jmxbridge.times import NS
from tests.kafka.fake_answers import Group
from tests.kafka.fake_cluster import FakeCluster

AWAY = "kafka: {bootstrap: '127.0.0.1:1'}\n"
INFLUX = AWAY + "influxdb: {url: 'http://127.0.0.1:1', bucket: b}\n"
POLLED = Polled(7, (("broker-1", [b"m v=1 7"]), ("lag", [b"n v=1 7", b"n v=2 8"])), ())


@dataclass
class Influx:
    """An InfluxDB that answers every write in the same way."""

    answer: Outcome
    url: str = "http://127.0.0.1:1"
    stored: list[bytes] = field(default_factory=list)

    async def write(self, body: Body) -> Outcome:
        """Take the lines of a body where the answer is that they are stored."""
        if self.answer == HttpAnswer(204):
            self.stored += gzip.decompress(body.packed).strip().split(b"\n")
        return self.answer


def settings(folder: Path, text: str) -> Settings:
    """Load a file of this text whose store is in the same folder."""
    file = folder / "mbeans.yaml"
    file.write_text(f"store: {{path: {folder / 'store.sqlite3'}}}\n{text}")
    return load(file, {})


def use(influx: Influx, monkeypatch: pytest.MonkeyPatch) -> Influx:
    """Let this InfluxDB stand at the file's URL."""
    monkeypatch.setattr(once, "make_writer", lambda _: influx)
    return influx


async def test_poll_once_has_the_lines_of_every_source(tmp_path: Path) -> None:
    """A cluster's lag and a target that is down: lines of both at one instant, and the problem."""
    async with FakeCluster() as fake:
        fake.add_topic("x", end=10)
        fake.groups["aa"] = Group({"x": {0: 4}})
        [(host, port)] = fake.bootstrap
        text = "targets: [{jmx: '127.0.0.1:1', name: away, collect: [jvm]}]\ninterval: 10s\n"
        polled = await poll_once(
            settings(tmp_path, f"{text}kafka: {{bootstrap: '{host}:{port}'}}\n")
        )

    assert [source for source, _ in polled.sources] == ["away", "lag"]
    assert polled.time_ns % (10 * NS) == 0
    assert all(line.endswith(b" %d" % polled.time_ns) for line in polled.lines)
    assert polled.lines[0].startswith(b"jmxbridge_target,")
    assert any(b"lag=6i" in line for line in polled.lines)
    (problem,) = polled.problems
    assert problem.startswith("away: ")


async def test_poll_once_polls_rules_with_an_interval_of_their_own(tmp_path: Path) -> None:
    """`every` is for a loop: in one pass its rules are due as well."""
    rule = "{bean: 'a:type=T', measurement: m, every: 1h, fields: {X: x}}"
    text = f"targets: [{{jmx: '127.0.0.1:1', name: away, collect: [r]}}]\nmbeans: {{r: [{rule}]}}\n"

    polled = await poll_once(settings(tmp_path, text))

    assert [source for source, _ in polled.sources] == ["away"]


async def test_meet_brokers_makes_targets(tmp_path: Path) -> None:
    """Each broker that is alive becomes a target."""
    text = "targets: [{discover: kafka, jmx_port: 9999, collect: [jvm]}]\n"
    async with FakeCluster(brokers=2) as fake:
        [(host, port), _] = fake.bootstrap
        file = settings(tmp_path, f"{text}kafka: {{bootstrap: '{host}:{port}'}}\n")
        extended, problems = await meet_brokers(file)
    assert [target.name for target in extended.targets] == ["broker-1", "broker-2"]
    assert problems == ()


async def test_meet_brokers_of_a_cluster_that_is_away(tmp_path: Path) -> None:
    """The file's own targets stay; that none were found is a problem."""
    text = "targets: [{discover: kafka, jmx_port: 9999, collect: [jvm]}]\n"
    file = settings(tmp_path, text + AWAY)

    same, (problem,) = await meet_brokers(file)

    assert same == file
    assert problem.startswith("discover: ")


async def test_meet_brokers_asks_nobody_where_none_are_wanted(tmp_path: Path) -> None:
    """A file without `discover` needs no cluster."""
    file = settings(tmp_path, AWAY)
    assert await meet_brokers(file) == (file, ())


async def test_deliver_keeps_lines_where_there_is_no_influxdb(tmp_path: Path) -> None:
    """Without an influxdb section the store is where the lines go."""
    file = settings(tmp_path, AWAY)
    assert await deliver(file, POLLED, {}) == []
    assert StoreReader(tmp_path / "store.sqlite3").usage().counts.sampled == 3


async def test_deliver_sends_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All lines of all sources, in the order of the file."""
    influx = use(Influx(HttpAnswer(204)), monkeypatch)
    assert await deliver(settings(tmp_path, INFLUX), POLLED, {}) == []
    assert influx.stored == [b"m v=1 7", b"n v=1 7", b"n v=2 8"]


async def test_deliver_names_lines_that_were_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are dead letters, and their number is a problem."""
    body = '{"error":"partial write: field type conflict: x dropped=1"}'
    use(Influx(HttpAnswer(400, body, "application/json")), monkeypatch)
    problems = await deliver(settings(tmp_path, INFLUX), POLLED, {})
    assert problems == ["3 lines were refused: see the log above"]


async def test_deliver_names_lines_that_were_not_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They stay in the store, whose place is named with the reason."""
    use(Influx(NoAnswer("refused", "connection refused")), monkeypatch)
    (problem,) = await deliver(settings(tmp_path, INFLUX), POLLED, {})
    assert problem.startswith(f"not sent, kept in {tmp_path / 'store.sqlite3'}: ")
    assert "connection refused" in problem


async def test_drain_sends_what_is_pending(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an earlier pass could not send is sent, and counted."""
    file = settings(tmp_path, INFLUX)
    influx = use(Influx(NoAnswer("refused", "connection refused")), monkeypatch)
    await deliver(file, POLLED, {})
    influx.answer = HttpAnswer(204)

    drained = await drain(file, {}, timeout_s=60.0)

    assert (drained.stored, drained.dead_lettered, drained.pending) == (3, 0, 0)
    assert len(influx.stored) == 3
    assert await drain(file, {}, timeout_s=60.0) == Drained(0, 0, 0, "no lines are pending")


async def test_drain_needs_an_influxdb_section(tmp_path: Path) -> None:
    """There is nowhere to send to."""
    file = settings(tmp_path, AWAY)
    with pytest.raises(ValueError, match="no influxdb section"):
        await drain(file, {}, timeout_s=60.0)


async def test_drain_leaves_no_task_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sender is cancelled and has ended."""
    use(Influx(HttpAnswer(204)), monkeypatch)
    await drain(settings(tmp_path, INFLUX), {}, timeout_s=60.0)
    assert asyncio.all_tasks() == {asyncio.current_task()}
