"""Open transactions: since when the last stable offset of a partition has not moved."""

from dataclasses import replace

from jmxbridge.kafka.facts.snapshot import Snapshot
from jmxbridge.lag.history.open_transactions import (
    OpenTransaction,
    OpenTransactions,
    UnmovedEnd,
    is_settled,
)
from jmxbridge.lag.rows import compute_lags
from jmxbridge.times import NS


def snapshot(stable_end: int, end: int, offset: int = 0) -> Snapshot:
    """Return one partition of a group that reads committed records."""
    return Snapshot(
        groups={},
        commits={"g": {"t": {0: offset}}},
        end_offsets={"t": {0: end}},
        stable_ends={"t": {0: stable_end}},
        read_committed=frozenset("g"),
    )


UNREAD = replace(snapshot(0, 0), stable_ends={}, complete=False)


def after(transactions: OpenTransactions, *polls: tuple[int, Snapshot]) -> list[OpenTransaction]:
    """Return the open transactions after these polls, each with its second."""
    for second, poll in polls:
        transactions.observe(poll, second * NS)
    return list(transactions.of_rows(compute_lags(poll).partitions, second * NS))


def test_an_end_that_does_not_move_has_its_age_from_the_first_poll_on() -> None:
    """The records behind it grow, the transaction is the same."""
    polls = [(100, snapshot(7, 9)), (110, snapshot(7, 20)), (400, snapshot(7, 30))]
    assert after(OpenTransactions(), *polls) == [OpenTransaction(0, 7, 23, 100 * NS, 300.0)]


def test_an_end_that_moves_is_another_transaction() -> None:
    """Its age counts from there."""
    polls = [(100, snapshot(7, 9)), (400, snapshot(8, 30))]
    assert after(OpenTransactions(), *polls) == [OpenTransaction(0, 8, 22, 400 * NS, 0.0)]


def test_an_end_at_the_high_watermark_is_no_transaction() -> None:
    """Also where it was read later and is higher; earlier age does not come back."""
    transactions = OpenTransactions()
    assert after(transactions, (100, snapshot(7, 9)), (110, snapshot(9, 9))) == []
    assert after(transactions, (120, snapshot(10, 9))) == []
    assert after(transactions, (130, snapshot(9, 12)))[0].age_s == 0.0


def test_a_partition_that_was_not_read_keeps_its_age() -> None:
    """It has no row in that poll; a complete poll without it means that it is gone."""
    transactions = OpenTransactions()
    assert after(transactions, (100, snapshot(7, 9)), (110, UNREAD)) == []
    assert after(transactions, (120, snapshot(7, 9)))[0].age_s == 20.0
    assert after(transactions, (130, replace(UNREAD, complete=True))) == []
    assert transactions.unmoved == {}


def test_is_settled_wants_both_ends_of_an_incomplete_poll() -> None:
    """Nothing is missing from a complete one."""
    partial = replace(snapshot(7, 9), complete=False)
    assert is_settled(("t", 0), partial)
    assert not is_settled(("t", 1), partial)
    assert not is_settled(("t", 0), replace(partial, end_offsets={}))
    assert is_settled(("t", 1), snapshot(7, 9))


def test_saved_ends_go_on_if_they_are_the_same() -> None:
    """No offset is used twice, so the transaction has been open all the time."""
    saved = {("t", 0): UnmovedEnd(7, 100 * NS)}
    assert after(OpenTransactions(saved), (4000, snapshot(7, 9)))[0].age_s == 3900.0
    assert after(OpenTransactions(saved), (4000, snapshot(8, 9)))[0].age_s == 0.0


def test_a_clock_set_back_gives_no_negative_age() -> None:
    """It begins again at the earlier time."""
    assert after(OpenTransactions(), (100, snapshot(7, 9)), (40, snapshot(7, 9)))[0].age_s == 0.0


def test_forget_drops_recreated_topics() -> None:
    """No other one."""
    end = UnmovedEnd(7, 0)
    transactions = OpenTransactions({("t", 0): end, ("u", 0): end})
    transactions.forget({"t"})
    assert transactions.unmoved == {("u", 0): end}


def test_rows_without_a_last_stable_offset_have_no_transaction() -> None:
    """Other groups read the same partition to the high watermark."""
    other = replace(snapshot(7, 9), read_committed=frozenset())
    assert after(OpenTransactions(), (100, other)) == []
