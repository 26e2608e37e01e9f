"""Summary of a poll's assessment, for the saved state."""

from jmxbridge.kafka.facts.snapshot import Group, Snapshot
from jmxbridge.lag.consumers.client_verdict import ClientFinding, ClientVerdict
from jmxbridge.lag.consumers.consumer import Consumer
from jmxbridge.lag.history.assessment import Assessment, RowStatus
from jmxbridge.lag.history.status import Status
from jmxbridge.lag.history.summary import MAX_CLIENTS, GroupSummary, PollSummary, summarize
from jmxbridge.lag.rows import compute_lags

OK, STOP, STALL = (RowStatus(None, status) for status in (Status.OK, Status.STOP, Status.STALL))


def test_summarize_leaves_out_partitions_that_are_ok() -> None:
    """Every group has its status; bad partitions are listed by topic."""
    snapshot = Snapshot(
        groups={"g": Group("g", 1), "well": Group("well", 1)},
        commits={"g": {"t": {0: 1, 1: 1}, "u": {0: 1}}, "well": {"t": {0: 1}}},
        end_offsets={"t": {0: 5, 1: 5}, "u": {0: 5}},
    )
    assessment = Assessment(
        compute_lags(snapshot),
        (STOP, OK, STALL, OK),
        groups={"g": RowStatus(None, Status.ERR), "well": OK},
    )

    summary = summarize(assessment, 7)

    bad = {"t": {0: Status.STOP}, "u": {0: Status.STALL}}
    assert summary == PollSummary(
        7, {"g": GroupSummary(Status.ERR, bad), "well": GroupSummary(Status.OK)}
    )
    group = summary.groups["g"]
    statuses = [group.status_of("t", 0), group.status_of("t", 1), group.status_of("v", 0)]
    assert statuses == [Status.STOP, Status.OK, Status.OK]


def test_summarize_limits_the_sentences_of_a_group() -> None:
    """A screen full of them."""
    lags = compute_lags(Snapshot(groups={}, commits={"g": {}}, end_offsets={}))
    consumer = Consumer("c", "app", 0)
    finding = ClientFinding("g", ClientVerdict.SLOW, "the reason", consumer, 0.0, 1)
    assessment = Assessment(lags, groups={"g": OK}, clients={"g": [finding] * (MAX_CLIENTS + 1)})

    clients = summarize(assessment, 7).groups["g"].clients

    assert len(clients) == MAX_CLIENTS
    assert set(clients) == {
        "client c of target app is slow: the reason (1 record not committed on its worst"
        " partition; JMX, now: nothing fetched lately)"
    }
