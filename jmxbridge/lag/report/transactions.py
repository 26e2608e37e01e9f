"""Transactions that are open for longer than they should be, in words.

Rule: an open transaction is ordinary, so one is reported only after HANGING_S. The records of all
such partitions of a topic are one sentence: a transaction most often spans many partitions.
"""

from collections.abc import Iterable, Mapping, Sequence

from jmxbridge.lag.history.assessment import Assessment
from jmxbridge.lag.history.open_transactions import HANGING_S, OpenTransaction
from jmxbridge.plural import counted
from jmxbridge.times import in_utc

Hanging = Mapping[tuple[str, str], Sequence[OpenTransaction]]
"""Transactions open for HANGING_S or longer, by group and topic."""


def hanging(assessment: Assessment) -> Hanging:
    """Return the transactions to report; topics without any are left out."""
    by_topic = {
        key: [transaction for transaction in transactions if transaction.age_s >= HANGING_S]
        for key, transactions in assessment.open_transactions.items()
    }
    return {key: transactions for key, transactions in by_topic.items() if transactions}


def waiting(topic: str, transactions: Iterable[OpenTransaction]) -> str:
    """Return how many records of a topic wait, and since when; at least one transaction."""
    by_age = sorted(transactions, key=lambda transaction: transaction.since_ns)
    oldest = by_age[0]
    records = counted(sum(transaction.records for transaction in by_age), "record")
    where = f"partition {oldest.partition} from offset {oldest.offset}"
    if len(by_age) > 1:
        where = f"{len(by_age)} partitions, the oldest {where}"
    wait = "waits" if records.startswith("1 ") else "wait"
    return (
        f"{records} of {topic} {wait} behind a transaction that has been open since"
        f" {in_utc(oldest.since_ns)} ({where})"
    )


def sentences(assessment: Assessment) -> dict[str, Sequence[str]]:
    """Return sentences by group, without full stops; groups that nothing holds up are left out."""
    by_group: dict[str, list[str]] = {}
    for (group, topic), transactions in hanging(assessment).items():
        sentence = f"{waiting(topic, transactions)}; it cannot read them until that has ended"
        by_group.setdefault(group, []).append(sentence)
    return {group: tuple(of_group) for group, of_group in by_group.items()}
