"""The memory on disk: whole, or the one before it; never a reason to stop."""

import logging
from pathlib import Path

import pytest

from jmxbridge.kafka.facts.names import NameFilter
from jmxbridge.lag.history.saved_state import SavedState
from jmxbridge.lag.history.vanished_groups import LastCommits
from jmxbridge.state import lag_state
from jmxbridge.state.lag_state import LagStateFile

MEMORY = SavedState(
    {"billing": LastCommits({"orders": {0: 4}}, 5)}, {("orders", 0): ([1, 2], [3, 9])}
)


@pytest.fixture
def file(tmp_path: Path) -> LagStateFile:
    every = NameFilter()
    return LagStateFile(tmp_path / "state" / "prod.lag.json", wants_group=every, wants_topic=every)


async def test_what_is_written_is_read(file: LagStateFile) -> None:
    """The folder is made; the second memory takes the place of the first, and nothing is left."""
    assert file.read() == SavedState()
    await file.write(SavedState({"x": LastCommits({})}))
    await file.write(MEMORY)

    assert file.read() == MEMORY
    assert [each.name for each in file.path.parent.iterdir()] == ["prod.lag.json"]


async def test_a_damaged_file_costs_the_memory_only(
    file: LagStateFile, caplog: pytest.LogCaptureFixture
) -> None:
    """It is named, with what is wrong, and the next write mends it."""
    await file.write(MEMORY)
    file.path.write_bytes(file.path.read_bytes()[:-3])

    assert file.read() == SavedState()
    assert str(file.path) in caplog.text
    await file.write(MEMORY)
    assert file.read() == MEMORY


def test_a_file_that_is_not_ours_is_not_read(
    file: LagStateFile, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """However large it is, no more than the bound is taken into memory."""
    monkeypatch.setattr(lag_state, "MAX_BYTES", 10)
    file.path.parent.mkdir()
    file.path.write_bytes(b"x" * 11)

    assert file.read() == SavedState()
    assert "larger than 10 bytes" in caplog.text


async def test_a_disk_in_trouble_is_told_once(
    file: LagStateFile, caplog: pytest.LogCaptureFixture
) -> None:
    """When it begins; what stood there before stays."""
    caplog.set_level(logging.INFO, "jmxbridge")
    await file.write(MEMORY)
    in_the_way = file.path.with_name("prod.lag.json.new")
    in_the_way.mkdir()

    await file.write(SavedState())
    await file.write(SavedState())

    assert len(caplog.records) == 1
    assert file.read() == MEMORY
