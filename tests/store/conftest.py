"""Stores in a folder of the test, closed when the test ends."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jmxbridge.store import Store
from jmxbridge.store.file import StoreFile
from jmxbridge.store.spool import Spool

GIBIBYTE = 1024**3


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Path of the test's store."""
    return tmp_path / "state" / "local.sqlite3"


@pytest.fixture
async def open_store(path: Path) -> AsyncIterator[Callable[..., Awaitable[Store]]]:
    """Open the store at `path`; options as for `Store.open`."""
    opened: list[Store] = []

    async def start(**options: Any) -> Store:
        store = await Store.open(path, **{"max_bytes": GIBIBYTE, "retain_s": None, **options})
        opened.append(store)
        return store

    yield start
    for store in opened:
        await store.close()


@pytest.fixture
def open_spool(path: Path) -> Iterator[Callable[..., Spool]]:
    """Open the spool at `path` on the test's own thread."""
    opened: list[Spool] = []

    def start(**options: Any) -> Spool:
        file = StoreFile.open(path)
        spool = Spool(file, **{"max_bytes": GIBIBYTE, "retain_s": None, **options})
        opened.append(spool)
        return spool

    yield start
    for spool in opened:
        spool.close()
