"""`jmxbridge mbeans`: attributes that are read repeatedly, and a JVM that does not answer."""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from demo.servers import free_port
from jmxbridge import jmx
from jmxbridge.cli import mbeans
from jmxbridge.cli.jvm import Jvm
from jmxbridge.jmx import ConnectionFailed, ObjectName
from tests.cli.calling import call
from tests.cli.conftest import RecordedConnection

MEMORY = ObjectName.parse("java.lang:type=Memory")


class OneMBean:
    """An MBean with these values."""

    name = MEMORY

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values
        self.attributes = tuple(values)


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> Callable[..., asyncio.Event]:
    """Make a JVM that has one value after the other, or fails where the value is an error."""

    def use(*outcomes: Mapping[str, Any] | Exception) -> asyncio.Event:
        left: Iterator[Mapping[str, Any] | Exception] = iter(outcomes)
        all_read = asyncio.Event()

        class Connection(RecordedConnection):
            async def query(self, pattern: ObjectName | None = None) -> list[ObjectName]:
                outcome = next(left, None)
                if outcome is None:
                    all_read.set()
                    await asyncio.Event().wait()
                if isinstance(outcome, Exception):
                    raise outcome
                self._mbeans = {MEMORY: OneMBean(outcome or {})}
                return await super().query(pattern)

        async def connect(host: str, port: int, **_: object) -> Connection:
            return Connection([])

        monkeypatch.setattr(jmx, "connect", connect)
        return all_read

    return use


async def watch(all_read: asyncio.Event, *, as_json: bool = False) -> None:
    """Watch until all values were read."""
    watching = mbeans.AttributeWatch(Jvm("h", 1), MEMORY, (), as_json=as_json)
    task = asyncio.create_task(watching.run(0.0))
    await all_read.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_watch_prints_a_line_for_each_change(
    readings: Callable[..., asyncio.Event], capsys: pytest.CaptureFixture[str]
) -> None:
    """First all values, then changes with their difference; an unreachable JVM is tried again."""
    away = ConnectionFailed("cannot connect to h:1", "refused")
    all_read = readings({"n": 5, "s": "x"}, {"n": 7, "s": "x"}, away, {"n": 7, "s": "y"})
    await watch(all_read)
    out, err = capsys.readouterr()
    assert [line.split(" ", 1)[1] for line in out.splitlines()] == [
        f"{MEMORY.text} n = 5",
        f"{MEMORY.text} s = x",
        f"{MEMORY.text} n = 7 (+2)",
        f"{MEMORY.text} s = y",
    ]
    assert err == "error: cannot connect to h:1\n"


async def test_watch_prints_a_json_document_for_each_reading(
    readings: Callable[..., asyncio.Event], capsys: pytest.CaptureFixture[str]
) -> None:
    """Each on a line, with a time and its zone; without changes the list is empty."""
    await watch(readings({"n": 5}, {"n": 5}, {"n": 4}), as_json=True)
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [document["kind"] for document in documents] == ["changes"] * 3
    place = {"mbean": MEMORY.text, "attribute": "n"}
    assert [document["changes"] for document in documents] == [
        [{**place, "value": 5}],
        [],
        [{**place, "value": 4, "delta": -1}],
    ]


async def test_watch_redraws_all_values_on_a_terminal(
    readings: Callable[..., asyncio.Event],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also the unchanged ones."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    await watch(readings({"n": 5, "s": "x"}, {"n": 7, "s": "x"}))
    screens = capsys.readouterr().out.split("\x1b[H\x1b[2J")[1:]
    assert [screen.splitlines()[1:] for screen in screens] == [
        [f"{MEMORY.text} n = 5", f"{MEMORY.text} s = x"],
        [f"{MEMORY.text} n = 7 (+2)", f"{MEMORY.text} s = x"],
    ]


def test_mbeans_of_an_unreachable_jvm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Status 69, with the address that did not answer."""
    monkeypatch.chdir(tmp_path)
    address = f"127.0.0.1:{free_port()}"
    result = call("mbeans", "ls", address)
    assert result.exit_code == 69
    assert address in result.stderr
