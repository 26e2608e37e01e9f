"""Transactions that are open for long, in words."""

from jmxbridge.lag.history.assessment import Assessment
from jmxbridge.lag.history.open_transactions import HANGING_S, OpenTransaction
from jmxbridge.lag.report.transactions import hanging, sentences, waiting
from jmxbridge.lag.rows import Lags
from jmxbridge.times import NS

SINCE_NS = 1_700_000_000 * NS


def transaction(
    partition: int = 0, records: int = 2080, *, age_s: float = HANGING_S, later_s: int = 0
) -> OpenTransaction:
    """Return an open transaction that begins at offset 2016."""
    return OpenTransaction(partition, 2016, records, SINCE_NS + later_s * NS, age_s)


def assessment(transactions: dict[tuple[str, str], list[OpenTransaction]]) -> Assessment:
    """Return an assessment with nothing else."""
    return Assessment(Lags((), (), ()), open_transactions=transactions)


def test_waiting_names_records_topic_time_and_place() -> None:
    """What `kafka-transactions.sh abort` asks for is in it."""
    assert waiting("txh", [transaction()]) == (
        "2,080 records of txh wait behind a transaction that has been open since"
        " 2023-11-14T22:13:20Z (partition 0 from offset 2016)"
    )
    assert waiting("txh", [transaction(records=1)]).startswith("1 record of txh waits behind")


def test_waiting_adds_up_partitions_and_names_the_oldest() -> None:
    """One transaction most often spans many."""
    assert waiting("txh", [transaction(2, 5, later_s=60), transaction(1, 7)]) == (
        "12 records of txh wait behind a transaction that has been open since"
        " 2023-11-14T22:13:20Z (2 partitions, the oldest partition 1 from offset 2016)"
    )


def test_hanging_leaves_out_younger_transactions() -> None:
    """They are ordinary."""
    young, old = transaction(0, age_s=HANGING_S - 1), transaction(1)
    by_topic = {("g", "t"): [young, old], ("g", "u"): [young], ("g", "v"): []}
    assert hanging(assessment(by_topic)) == {("g", "t"): [old]}


def test_sentences_are_by_group() -> None:
    """One for each topic."""
    by_topic = {("g", "t"): [transaction()], ("g", "u"): [transaction()], ("h", "t"): []}
    made = sentences(assessment(by_topic))
    assert made.keys() == {"g"}
    assert [sentence.split(" wait")[0] for sentence in made["g"]] == [
        "2,080 records of t",
        "2,080 records of u",
    ]
    assert made["g"][0].endswith("; it cannot read them until that has ended")
