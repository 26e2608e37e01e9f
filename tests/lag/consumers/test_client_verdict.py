"""Verdicts on a consumer, and their wording."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.lag.consumers.client_verdict import (
    ClientFacts,
    ClientFinding,
    ClientVerdict,
    at_a_glance,
    decide,
    in_words,
    worst_finding,
)
from jmxbridge.lag.consumers.consumer import Consumer

CONSUMER = Consumer("c", "app", 0, lag_max=3.0)
IDLE = "is alive and has fetched nothing lately"
FINDING = ClientFinding("g", ClientVerdict.NONE, "the reason", CONSUMER, 12.0, 1200)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (ClientFacts(), ClientVerdict.NONE),
        (ClientFacts(gone=True), ClientVerdict.NONE),
        (ClientFacts(gone=True, still=True), ClientVerdict.DEAD),
        (ClientFacts(gone=True, never=True), ClientVerdict.DEAD),
        (ClientFacts(never=True), ClientVerdict.NONE),
        (ClientFacts(never=True, reads=True), ClientVerdict.READS_NOT_COMMITS),
        (ClientFacts(still=True, reads=True), ClientVerdict.NONE),
        (ClientFacts(still=True, reads=True, near=True), ClientVerdict.READS_NOT_COMMITS),
        (ClientFacts(still=True, near=True), ClientVerdict.NONE),
        (ClientFacts(behind=True), ClientVerdict.NONE),
        (ClientFacts(behind=True, reads=True), ClientVerdict.SLOW),
        (ClientFacts(behind=True, has_left=True), ClientVerdict.SLOW),
    ],
)
def test_verdict_of_client_facts(facts: ClientFacts, expected: ClientVerdict) -> None:
    """The first rule that applies."""
    assert decide(facts)[0] is expected


@given(st.builds(ClientFacts, **dict.fromkeys(ClientFacts._fields, st.booleans())))
def test_every_verdict_rests_on_both_sides(facts: ClientFacts) -> None:
    """A verdict needs a fact from JMX and one from the offsets, and has a reason."""
    verdict, why = decide(facts)
    assert why
    if verdict is not ClientVerdict.NONE:
        assert facts.gone or facts.reads or facts.has_left
        assert facts.still or facts.behind or facts.never


def test_worst_finding_has_the_worst_verdict() -> None:
    """A group is shown with one of its consumers."""
    findings = [replace(FINDING, verdict=verdict) for verdict in ClientVerdict]
    assert worst_finding(findings).verdict is ClientVerdict.DEAD


def test_a_finding_in_words_has_the_numbers_and_their_age() -> None:
    """The consumer, the verdict, the reason; what is not committed and what is still to fetch."""
    finding = replace(FINDING, verdict=ClientVerdict.READS_NOT_COMMITS)
    assert in_words(finding) == (
        "client c of target app reads but does not commit: the reason (1,200 records not committed"
        " on its worst partition; JMX, 12 s ago: 3 records still to fetch)"
    )


def test_a_dead_consumer_in_words_has_the_error_of_its_jvm() -> None:
    """And the partitions without a commit, where there is no lag."""
    gone = replace(CONSUMER, gone="Connection refused")
    dead = replace(FINDING, verdict=ClientVerdict.DEAD, consumer=gone, lag=None, uncommitted=1)
    assert in_words(dead).endswith(
        "(no commit on 1 partition; JMX, last read 12 s ago: Connection refused)"
    )


def test_a_finding_without_a_verdict_has_its_reason_in_words() -> None:
    """Metrics of this very moment have no age; a consumer without a lag fetched nothing lately."""
    silent = replace(FINDING, consumer=Consumer("c", "app", 0), age_s=0.5)
    assert in_words(silent) == (
        "client c of target app: the reason (1,200 records not committed on its worst partition;"
        " JMX, now: nothing fetched lately)"
    )


@pytest.mark.parametrize(
    ("lag", "rate", "lag_max", "expected"),
    [
        (0, 5.0, 0.0, "has committed everything"),
        (
            9,
            None,
            None,
            "is alive and has fetched nothing lately: paused, or busy with what it has",
        ),
        (9, 0.0, 2.0, "is alive and has fetched nothing lately: paused, or busy with what it has"),
        (None, 5.0, 2.0, "reads, and has committed nothing yet"),
        (9, 5.0, 4.0, "reads, and is well ahead of what it has committed"),
        (9, 5000.0, 5.0, "reads 5,000 records a second, and has more to read"),
        (9, 5.0, None, "reads 5 records a second, and has more to read"),
    ],
)
def test_a_consumer_at_a_glance(
    lag: int | None, rate: float | None, lag_max: float | None, expected: str
) -> None:
    """One look gives numbers and what they may mean, not a verdict."""
    consumer = replace(CONSUMER, consumed_rate=rate, lag_max=lag_max)
    sentence = at_a_glance(replace(FINDING, consumer=consumer, lag=lag))
    assert sentence.startswith(f"client c of target app {expected} (")


@pytest.mark.parametrize(
    "finding",
    [
        replace(FINDING, verdict=ClientVerdict.SLOW),
        replace(FINDING, consumer=replace(CONSUMER, gone="closed")),
    ],
    ids=["verdict", "gone"],
)
def test_a_known_verdict_at_a_glance_is_the_sentence_in_full(finding: ClientFinding) -> None:
    """So is the error of a JVM that does not answer."""
    assert at_a_glance(finding) == in_words(finding)
