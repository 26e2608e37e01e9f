"""state_path: files next to the store."""

from pathlib import Path

import pytest

from jmxbridge.state.paths import state_path


@pytest.mark.parametrize(
    ("store", "expected"),
    [
        ("prod.sqlite3", "prod.lag.json"),
        ("prod.eu.db", "prod.eu.lag.json"),
        ("prod.eu", "prod.eu.lag.json"),
        ("prod.us", "prod.us.lag.json"),
        ("prod", "prod.lag.json"),
        (".sqlite3", ".sqlite3.lag.json"),
    ],
)
def test_state_path_replaces_only_suffixes_of_databases(store: str, expected: str) -> None:
    """Two clusters whose stores are named after them have a file each."""
    assert state_path(Path("state") / store, ".lag.json") == Path("state") / expected
