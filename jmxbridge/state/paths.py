"""Paths of the files next to the store that hold the state of a run."""

from pathlib import Path

DATABASE_SUFFIXES = (".sqlite3", ".sqlite", ".db")
"""Usual suffixes of a database file. Any other may be part of a name, as in `prod.eu`."""


def state_path(store: Path, suffix: str) -> Path:
    """Return the state file with a suffix next to a store: `prod.lag.json` for prod.sqlite3.

    The stores prod.eu and prod.us have one each.
    """
    name = store.stem if store.suffix in DATABASE_SUFFIXES else store.name
    return store.with_name(f"{name}{suffix}")
