"""What a details is made of: the cluster, the file's targets, what the service has written down."""

import time
from pathlib import Path

import pytest

from demo.servers import free_port
from jmxbridge.cli.lag_look import LagReader
from jmxbridge.config.loader import load
from jmxbridge.config.model.models import Settings
from jmxbridge.kafka.facts.extras import TimestampedOffset
from jmxbridge.kafka.facts.names import NameFilter
from jmxbridge.lag.history.saved_state import SavedState
from jmxbridge.lag.history.status import Status
from jmxbridge.lag.history.summary import GroupSummary, PollSummary
from jmxbridge.pollers.target import Target
from jmxbridge.state.lag_state import LagStateFile
from tests.kafka.fake_answers import Group
from tests.kafka.fake_cluster import FakeCluster

ROW = ("g", "x", 0)
DEADLINE_S = 60
TARGETS = """
targets:
  - {{name: app, jmx: '127.0.0.1:{port}', collect: [kafka-consumer, jvm]}}
  - {{name: broker, jmx: '127.0.0.1:{port}', collect: [jvm]}}
"""


def settings(folder: Path, fake: FakeCluster) -> Settings:
    """A file for this cluster, with a target that has consumers and is away, and one without."""
    host, port = fake.bootstrap[0]
    file = folder / "mbeans.yaml"
    file.write_text(
        f"kafka: {{bootstrap: '{host}:{port}'}}\n"
        f"store: {{path: {folder / 'local.sqlite3'}}}\n" + TARGETS.format(port=free_port())
    )
    return load(file, {})


def reader_of(settings: Settings, group: str | None = "g") -> LagReader:
    """LagDetails at the cluster of a file."""
    assert settings.kafka is not None
    return LagReader(settings.kafka, group, settings=settings, every_s=2.0)


def group_behind(fake: FakeCluster) -> None:
    """A group that has read four of ten records."""
    fake.add_topic("x", end=10)
    fake.groups["g"] = Group({"x": {0: 4}})


async def test_a_first_look_has_what_the_service_wrote_down(tmp_path: Path) -> None:
    """Seconds from its tables, status and words from its last poll; targets that are away."""
    now_ns = time.time_ns()
    said = GroupSummary(Status.ERR, {"x": {0: Status.STALL}}, ("client c is slow",))
    memory = SavedState(
        tables={("x", 0): ((0, now_ns), (0, 10))},
        summary=PollSummary(now_ns, {"g": said}),
    )
    every = NameFilter()
    path = tmp_path / "local.lag.json"
    await LagStateFile(path, wants_group=every, wants_topic=every).write(memory)
    async with FakeCluster() as fake:
        group_behind(fake)
        reader = reader_of(settings(tmp_path, fake))
        description, details = await reader.read()
        problems = reader.problems()
        await reader.close()

    assert description.snapshot.commits == {"g": {"x": {0: 4}}}
    assert details.statuses == {ROW: Status.STALL}
    assert details.time_lags[ROW].seconds == pytest.approx(0.6 * now_ns / 1e9, rel=1e-3)
    assert details.clients == {"g": ["client c is slow, according to `jmxbridge run` 0 s ago"]}
    assert len(problems) == 1
    assert problems[0].startswith("target app: ")


async def test_a_damaged_memory_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A details goes on without it, and nothing is written over what it shows."""
    (tmp_path / "local.lag.json").write_text("{")
    async with FakeCluster() as fake:
        group_behind(fake)
        reader = reader_of(settings(tmp_path, fake))
        _, details = await reader.read()
        await reader.close()

    assert (details.time_lags, details.statuses) == ({}, {})
    assert capsys.readouterr() == ("", "")


async def test_targets_are_asked_where_one_group_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A details at all groups is not held up by a JVM."""
    asked: list[str] = []
    poll = Target.poll

    async def count(self: Target, *args: object) -> object:
        asked.append(self.name)
        return await poll(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Target, "poll", count)
    async with FakeCluster() as fake:
        group_behind(fake)
        for group in (None, "g"):
            reader = reader_of(settings(tmp_path, fake), group)
            await reader.read()
            await reader.close()

    assert asked == ["app"]


async def test_the_log_is_asked_where_one_group_is(tmp_path: Path) -> None:
    """How old what it has not read is, and what was deleted unread; all groups are not searched."""
    now_ms = time.time_ns() // 1_000_000
    seconds = {}
    async with FakeCluster() as fake:
        group_behind(fake)
        fake.written["x", 0] = [now_ms - (10 - n) * 600_000 for n in range(10)]
        fake.starts["x", 0] = 2
        fake.groups["late"] = Group({"x": {0: 1}})
        for group in (None, "g", "late"):
            reader = reader_of(settings(tmp_path, fake), group)
            _, details = await reader.read()
            await reader.close()
            seconds[group] = details.time_lags

    assert seconds[None] == {}
    assert seconds["g"][ROW].seconds == pytest.approx(3600, abs=DEADLINE_S)
    assert not seconds["g"][ROW].at_least
    assert seconds["late"]["late", "x", 0].at_least
    assert details.losses == {"late": ("1 record was deleted from x unread",)}


async def test_a_leader_that_does_not_answer_ends_the_search(tmp_path: Path) -> None:
    """It is asked once; the rows are there without their seconds."""
    async with FakeCluster() as fake:
        group_behind(fake)
        reader = reader_of(settings(tmp_path, fake))
        searched = []

        async def nobody(times_ms: object) -> dict[tuple[str, int], TimestampedOffset | None]:
            searched.append(times_ms)
            return {}

        reader._cluster.offsets_for_times = nobody  # type: ignore[method-assign]
        description, details = await reader.read()
        await reader.close()

    assert len(searched) == 1
    assert description.snapshot.commits == {"g": {"x": {0: 4}}}
    assert details.time_lags == {}
