"""Dead letters: their bound, their reasons, and a table that lost some."""

from collections.abc import Callable

import pytest

from jmxbridge.store import DeadLine, StoreDamaged
from jmxbridge.store.dead_letters import DEAD_LETTER_COST, purge, size_of
from jmxbridge.store.spool import Spool
from jmxbridge.store.values import DeadLetter
from tests.store.polls import numbered, poll, taken

OpenSpool = Callable[..., Spool]


def test_dead_letters_are_bounded(open_spool: OpenSpool) -> None:
    """The oldest are removed and count as dropped, with a count of their own."""
    spool = open_spool(max_dead_bytes=300)
    for n in range(10):
        poll(spool, n)
        spool.settle(taken(spool), [DeadLine(0, "bad")])

    counts = spool.counts()

    assert counts.dead_bytes <= 300
    assert counts.dead_lettered + counts.dropped_dead == 10
    assert counts.dropped == counts.dropped_dead > 0
    newest_first = [letter.line for letter in spool.dead_letters(100)]
    assert newest_first == numbered(*range(9, 9 - counts.dead_lettered, -1))


def test_a_reason_is_bounded(open_spool: OpenSpool) -> None:
    """A very long answer of a server does not fill the disk."""
    spool = open_spool(clock_ns=lambda: 99)
    poll(spool, 1, time_ns=5)

    spool.settle(taken(spool), [DeadLine(0, "x" * 10**6)])

    assert spool.dead_letters(1) == [DeadLetter(1, 5, 99, "a", "x" * 1000, b"m v=000001")]


def test_a_reason_may_have_lone_surrogates(open_spool: OpenSpool) -> None:
    """JSON can contain half a character; it costs neither the batch nor the sender."""
    spool = open_spool()
    spool.append(numbered(1), time_ns=5, source="a\ud800")

    spool.settle(taken(spool), [DeadLine(0, "bad \ud800")])

    (letter,) = spool.dead_letters(1)
    assert (letter.source, letter.reason) == ("a?", "bad ?")


def test_purge_of_a_missing_letter_is_damage(open_spool: OpenSpool) -> None:
    """The account is not lowered twice for one letter."""
    spool = open_spool()
    poll(spool, 1)
    spool.settle(taken(spool), [DeadLine(0, "bad")])
    (letter,) = spool.dead_letters(9)
    database = spool._file.connection

    purged = purge(database, spool._account, [letter.id])

    assert (purged.dead_lettered, purged.dead_bytes, purged.dropped) == (0, 0, 1)
    with pytest.raises(StoreDamaged, match="fewer dead letters than the account says"):
        purge(database, purged, [letter.id])


def test_size_of_a_letter_is_in_bytes(open_spool: OpenSpool) -> None:
    """The same as in SQL: the reason counts in UTF-8, and each letter has a fixed cost."""
    spool = open_spool()
    poll(spool, 1)
    spool.settle(taken(spool), [DeadLine(0, "größe")])
    (letter,) = spool.dead_letters(9)

    assert size_of(letter) == 10 + 7 + DEAD_LETTER_COST == spool.counts().dead_bytes
