"""File with the saved state of the lag poll."""

import logging
from pathlib import Path

import pytest

from jmxbridge.kafka.facts.names import NameFilter
from jmxbridge.lag.history.saved_state import SavedState
from jmxbridge.lag.history.vanished_groups import LastCommits
from jmxbridge.state import lag_state
from jmxbridge.state.lag_state import LagStateFile

STATE = SavedState(
    {"billing": LastCommits({"orders": {0: 4}}, 5)}, {("orders", 0): ([1, 2], [3, 9])}
)


@pytest.fixture
def file(tmp_path: Path) -> LagStateFile:
    all_names = NameFilter()
    return LagStateFile(
        tmp_path / "state" / "prod.lag.json", wants_group=all_names, wants_topic=all_names
    )


async def test_written_state_is_read_back(file: LagStateFile) -> None:
    """The folder is created; a second state replaces the first, and no other file is left."""
    assert file.read() == SavedState()
    await file.write(SavedState({"x": LastCommits({})}))
    await file.write(STATE)

    assert file.read() == STATE
    assert [path.name for path in file.path.parent.iterdir()] == ["prod.lag.json"]


async def test_a_damaged_file_counts_as_empty(
    file: LagStateFile, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged with what is wrong, and the next write replaces it."""
    await file.write(STATE)
    file.path.write_bytes(file.path.read_bytes()[:-3])

    assert file.read() == SavedState()
    assert str(file.path) in caplog.text
    await file.write(STATE)
    assert file.read() == STATE


def test_a_file_beyond_the_limit_is_not_read(
    file: LagStateFile, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """No more than the limit is read into memory."""
    monkeypatch.setattr(lag_state, "MAX_BYTES", 10)
    file.path.parent.mkdir()
    file.path.write_bytes(b"x" * 11)

    assert file.read() == SavedState()
    assert "larger than 10 bytes" in caplog.text


async def test_a_failing_disk_is_logged_once(
    file: LagStateFile, caplog: pytest.LogCaptureFixture
) -> None:
    """When it begins; the file that was there stays."""
    caplog.set_level(logging.INFO, "jmxbridge")
    await file.write(STATE)
    in_the_way = file.path.with_name("prod.lag.json.new")
    in_the_way.mkdir()

    await file.write(SavedState())
    await file.write(SavedState())

    assert len(caplog.records) == 1
    assert file.read() == STATE
