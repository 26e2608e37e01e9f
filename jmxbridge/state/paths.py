"""Names of the files beside the store: what belongs to a run, and is no sample."""

from pathlib import Path

# What people call a database; any other ending may be part of a name, as in `prod.eu`.
DATABASES = (".sqlite3", ".sqlite", ".db")


def beside(store: Path, ending: str) -> Path:
    """Return the file of that ending beside a store: of prod.sqlite3 `prod.lag.json`.

    The stores prod.eu and prod.us have one each.
    """
    name = store.stem if store.suffix in DATABASES else store.name
    return store.with_name(f"{name}{ending}")
