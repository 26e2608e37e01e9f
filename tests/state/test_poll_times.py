"""PollTimes: durations of polls, written by `run` for `check`."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.state.poll_times import WRITE_EVERY_S, PollTimes, read


def test_poll_times_reads_the_last_durations(tmp_path: Path) -> None:
    """Each name with its last poll, in a file next to the store."""
    store = tmp_path / "local.sqlite3"
    times = PollTimes(store)
    for name, seconds in (("broker-1", 4.0), ("lag", 0.5), ("broker-1", 2.5)):
        times.note(name, seconds)
    times.write(0.0)

    assert read(store) == {"broker-1": 2.5, "lag": 0.5}
    assert [path.name for path in tmp_path.iterdir()] == ["local.polls.json"]


def test_poll_times_is_due_once_a_minute(tmp_path: Path) -> None:
    """The first write is due at once; without durations nothing is written."""
    times = PollTimes(tmp_path / "local.sqlite3")
    times.write(99.0)
    assert not list(tmp_path.iterdir())
    assert times.is_due(100.0)
    times.note("broker-1", 1.0)
    times.write(100.0)
    assert not times.is_due(100.0 + WRITE_EVERY_S - 1)
    assert times.is_due(100.0 + WRITE_EVERY_S)


def test_poll_times_ignores_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """Nothing is raised, and nothing is read."""
    times = PollTimes(tmp_path / "away" / "local.sqlite3")
    times.note("broker-1", 1.0)
    times.write(0.0)
    assert read(tmp_path / "away" / "local.sqlite3") == {}


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"version": 2, "seconds": {"a": 1}}', '{"version": 1, "seconds": 3}']
)
def test_read_of_a_file_that_is_not_ours_is_empty(text: str, tmp_path: Path) -> None:
    """A damaged file, or one of another version."""
    (tmp_path / "s.polls.json").write_text(text)
    assert read(tmp_path / "s.sqlite3") == {}


@given(st.dictionaries(st.text(), st.floats(min_value=0, max_value=1e6)))
def test_poll_times_keep_any_names(
    tmp_path_factory: pytest.TempPathFactory, seconds: dict[str, float]
) -> None:
    """A target may have any name that a file can express."""
    store = tmp_path_factory.mktemp("times") / "s.sqlite3"
    times = PollTimes(store)
    for name, duration_s in seconds.items():
        times.note(name, duration_s)
    times.write(0.0)
    assert read(store) == seconds
