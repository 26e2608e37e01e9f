"""Reader of `jmxbridge lag`: the cluster, the targets of the file, the saved state of `run`."""

import os
import re
import time
from pathlib import Path

import pytest

from demo.servers import free_port
from jmxbridge.cli import completion
from jmxbridge.cli.lag_look import LagReader, saved_state
from jmxbridge.config.loader import load, store_path
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
    """Load a file for this cluster, with two targets that are away, one of them with consumers."""
    host, port = fake.bootstrap[0]
    file = folder / "mbeans.yaml"
    file.write_text(
        f"kafka: {{bootstrap: '{host}:{port}'}}\n"
        f"store: {{path: {folder / 'local.sqlite3'}}}\n" + TARGETS.format(port=free_port())
    )
    return load(file, {})


def reader_of(settings: Settings, group: str | None = "g") -> LagReader:
    """Return the reader of the cluster of a file."""
    assert settings.kafka is not None
    return LagReader(settings.kafka, group, settings=settings, every_s=2.0)


def group_behind(fake: FakeCluster) -> None:
    """Add a group that has read four of ten records."""
    fake.add_topic("x", end=10)
    fake.groups["g"] = Group({"x": {0: 4}})


async def test_lag_reader_begins_with_the_saved_state(tmp_path: Path) -> None:
    """Time lags from its tables, statuses and sentences of the last poll; targets that are away."""
    now_ns = time.time_ns()
    summary = GroupSummary(Status.ERR, {"x": {0: Status.STALL}}, ("client c is slow",))
    state = SavedState(
        tables={("x", 0): ((0, now_ns), (0, 10))},
        summary=PollSummary(now_ns, {"g": summary}),
    )
    all_names = NameFilter()
    path = tmp_path / "local.lag.json"
    await LagStateFile(path, wants_group=all_names, wants_topic=all_names).write(state)
    async with FakeCluster() as fake:
        group_behind(fake)
        reader = reader_of(settings(tmp_path, fake))
        description, details = await reader.read()
        problems = reader.problems()
        await reader.close()

    assert description.snapshot.commits == {"g": {"x": {0: 4}}}
    assert details.statuses == {ROW: Status.STALL}
    assert details.time_lags[ROW].seconds == pytest.approx(0.6 * now_ns / 1e9, rel=1e-3)
    [(group, [sentence])] = details.clients.items()
    assert group == "g"
    # A busy machine takes a second or more from the file to here.
    assert re.fullmatch(r"client c is slow, according to `jmxbridge run` \d+ s ago", sentence)
    assert len(problems) == 1
    assert problems[0].startswith("target app: ")


async def test_lag_reader_ignores_damaged_state(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It shows the lag without it, and writes nothing to the terminal."""
    (tmp_path / "local.lag.json").write_text("{")
    async with FakeCluster() as fake:
        group_behind(fake)
        reader = reader_of(settings(tmp_path, fake))
        _, details = await reader.read()
        await reader.close()

    assert (details.time_lags, details.statuses) == ({}, {})
    assert capsys.readouterr() == ("", "")


async def test_lag_reader_polls_targets_for_one_group_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look at all groups does not wait for a JVM."""
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


async def test_lag_reader_searches_the_log_for_one_group_only(tmp_path: Path) -> None:
    """The age of its unread records, and what was deleted unread."""
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


async def test_a_silent_leader_ends_the_search(tmp_path: Path) -> None:
    """It is asked once; the rows are there without time lags."""
    async with FakeCluster() as fake:
        group_behind(fake)
        reader = reader_of(settings(tmp_path, fake))
        searched = []

        async def no_answer(times_ms: object) -> dict[tuple[str, int], TimestampedOffset | None]:
            searched.append(times_ms)
            return {}

        reader._cluster.offsets_for_times = no_answer  # type: ignore[method-assign]
        description, details = await reader.read()
        await reader.close()

    assert len(searched) == 1
    assert description.snapshot.commits == {"g": {"x": {0: 4}}}
    assert details.time_lags == {}


@pytest.mark.parametrize("newer", ["own", "service"])
async def test_saved_state_is_the_newest_of_our_own_and_the_services(
    newer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user looks at what the service does, and at what it did where a run of its own is newer."""
    (tmp_path / "mbeans.yaml").write_text("kafka: {bootstrap: '127.0.0.1:1'}\n")
    file_settings = load(tmp_path / "mbeans.yaml", {})
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "own"))
    service = {"STATE_DIRECTORY": str(tmp_path / "service")}
    monkeypatch.setattr(completion, "SERVICE_STATE", service)
    assert saved_state(file_settings) == SavedState()

    names = NameFilter()
    for place, environ in (("own", dict(os.environ)), ("service", service)):
        path = store_path(file_settings, environ).with_suffix(".lag.json")
        state = SavedState(summary=PollSummary(2 if place == newer else 1, {}))
        await LagStateFile(path, wants_group=names, wants_topic=names).write(state)

    assert saved_state(file_settings).summary == PollSummary(2, {})
