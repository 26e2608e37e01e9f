"""Format of a store on disk: a file of an earlier commit opens, checksums do not change."""

import gzip
from pathlib import Path

import pytest

from jmxbridge.store import Counts, DeadLetter, Store, StoreReader
from jmxbridge.store.schema import checksum

WRITTEN_BY_507595B = Path(__file__).parent / "stores" / "schema_3.sqlite3.gz"
"""Written by commit 507595b: four polls of five lines, eight lines from the front settled, with
two refused lines, of which one was purged.
"""


@pytest.fixture
def earlier_store(path: Path) -> Path:
    """A copy of the store that commit 507595b wrote."""
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.decompress(WRITTEN_BY_507595B.read_bytes()))
    return path


async def test_a_store_written_by_an_earlier_commit_opens_unchanged(earlier_store: Path) -> None:
    """Pending lines, the dead letter and the account are those that were written."""
    audit = StoreReader(earlier_store).verify()

    async with await Store.open(earlier_store, max_bytes=2**30, retain_s=None) as store:
        counts = await store.counts()
        letters = await store.dead_letters(9)
        batch = await store.take(max_lines=99, max_bytes=10**6)

    assert audit.problems == ()
    assert batch is not None
    assert list(batch.lines) == [
        b"m,poll=%d v=%d.0 %d" % (poll, line, poll)
        for poll, line in [(1, 3), (1, 4), *((poll, line) for poll in (2, 3) for line in range(5))]
    ]
    assert letters == [
        DeadLetter(
            id=1,
            time_ns=0,
            refused_ns=1796068469527325847,
            source="broker-0",
            reason='unable to parse "v": café',
            line=b"m,poll=0 v=2.0 0",
        )
    ]
    assert counts == Counts(
        sampled=20,
        stored=6,
        pending=12,
        dead_lettered=1,
        dropped=1,
        dropped_dead=1,
        expired=0,
        pending_bytes=498,
        dead_bytes=106,
        oldest_pending_ns=10**9,
    )
    assert list(earlier_store.parent.glob("*.damaged-*")) == []


def test_checksum_of_known_values() -> None:
    """Every row in every store has one: a change here would make all stores look damaged."""
    assert checksum("chunk", 1, "broker-1", 5, b"\x00packed") == 1040503489
    assert checksum("account", *[0] * 11) == 732034624


def test_checksum_covers_table_and_borders() -> None:
    """A row is not valid in another table, nor with a byte moved from one value to the next."""
    assert checksum("chunk", 1, b"ab") != checksum("dead_letter", 1, b"ab")
    assert checksum("chunk", b"a", b"b") != checksum("chunk", b"ab", b"")
    assert checksum("chunk", 12) != checksum("chunk", "12")
