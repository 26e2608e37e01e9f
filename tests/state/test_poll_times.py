"""How long polls take, written down by `run` for `check`."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.state.poll_times import WRITE_EVERY_S, PollTimes, read


def test_what_was_noted_last_is_read(tmp_path: Path) -> None:
    """Each name with its last poll, beside the store."""
    store = tmp_path / "local.sqlite3"
    times = PollTimes(store)
    for name, seconds in (("broker-1", 4.0), ("lag", 0.5), ("broker-1", 2.5)):
        times.note(name, seconds)
    times.write(0.0)

    assert read(store) == {"broker-1": 2.5, "lag": 0.5}
    assert [each.name for each in tmp_path.iterdir()] == ["local.polls.json"]


def test_it_is_written_now_and_then(tmp_path: Path) -> None:
    """As soon as there is something, then no more often than a person would look."""
    times = PollTimes(tmp_path / "local.sqlite3")
    times.write(99.0)
    assert not list(tmp_path.iterdir())
    assert times.is_due(100.0)
    times.note("broker-1", 1.0)
    times.write(100.0)
    assert not times.is_due(100.0 + WRITE_EVERY_S - 1)
    assert times.is_due(100.0 + WRITE_EVERY_S)


def test_a_folder_that_cannot_be_written_is_nobodys_trouble(tmp_path: Path) -> None:
    """A poll goes on, and nothing is there to be read."""
    times = PollTimes(tmp_path / "away" / "local.sqlite3")
    times.note("broker-1", 1.0)
    times.write(0.0)
    assert read(tmp_path / "away" / "local.sqlite3") == {}


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"version": 2, "seconds": {"a": 1}}', '{"version": 1, "seconds": 3}']
)
def test_what_is_not_ours_says_nothing(text: str, tmp_path: Path) -> None:
    """A damaged file, one of another version, none at all."""
    (tmp_path / "s.polls.json").write_text(text)
    assert read(tmp_path / "s.sqlite3") == {}


@given(st.dictionaries(st.text(), st.floats(min_value=0, max_value=1e6)))
def test_any_names_come_through(
    tmp_path_factory: pytest.TempPathFactory, seconds: dict[str, float]
) -> None:
    """Targets may be called anything that a file can say."""
    store = tmp_path_factory.mktemp("times") / "s.sqlite3"
    times = PollTimes(store)
    for name, took in seconds.items():
        times.note(name, took)
    times.write(0.0)
    assert read(store) == seconds
