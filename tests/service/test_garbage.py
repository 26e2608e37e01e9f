"""The garbage collector of a process that polls."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from jmxbridge.service.garbage import YOUNG, collect_seldom


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Give the other tests the collector they had."""
    settings = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*settings)


class Knot:
    """Something that can be tied to itself."""

    def __init__(self) -> None:
        self.itself = self


def count_collections() -> int:
    """How often the young were looked at so far."""
    return int(gc.get_stats()[0]["collections"])


def test_a_poll_of_many_rows_is_not_interrupted() -> None:
    """As many objects as ten thousand rows are made of start no collection."""
    collect_seldom()
    before = count_collections()

    rows = [(group, {"topic": [group]}) for group in range(10_000)]

    assert len(rows) == 10_000
    assert count_collections() == before


def test_garbage_collection_finds_cycles_after_the_start() -> None:
    """What is tied to itself goes when enough has been made after it, and nothing keeps it."""
    collect_seldom()
    knot = Knot()
    gone = weakref.ref(knot)
    del knot

    kept: list[list[int]] = [[] for _ in range(2 * YOUNG)]

    assert len(kept) == 2 * YOUNG
    assert gone() is None


def test_garbage_collection_skips_objects_of_the_start() -> None:
    """Modules and settings are not walked again, however long the process runs."""
    collect_seldom()

    assert gc.get_freeze_count() > 10_000
