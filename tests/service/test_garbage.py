"""collect_seldom: the garbage collector of a process that polls."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from jmxbridge.service.garbage import YOUNG, collect_seldom


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Restore the collector for other tests."""
    settings = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*settings)


class Knot:
    """An object that refers to itself."""

    def __init__(self) -> None:
        self.itself = self


def count_collections() -> int:
    """Collections of the young generation so far."""
    return int(gc.get_stats()[0]["collections"])


def test_garbage_collection_does_not_interrupt_a_poll() -> None:
    """The objects of ten thousand rows start no collection."""
    collect_seldom()
    before = count_collections()

    rows = [(group, {"topic": [group]}) for group in range(10_000)]

    assert len(rows) == 10_000
    assert count_collections() == before


def test_garbage_collection_finds_cycles_after_the_start() -> None:
    """A cycle is freed after enough allocations."""
    collect_seldom()
    knot = Knot()
    gone = weakref.ref(knot)
    del knot

    kept: list[list[int]] = [[] for _ in range(2 * YOUNG)]

    assert len(kept) == 2 * YOUNG
    assert gone() is None


def test_garbage_collection_skips_objects_of_the_start() -> None:
    """Modules and settings are never walked again."""
    collect_seldom()

    assert gc.get_freeze_count() > 10_000
