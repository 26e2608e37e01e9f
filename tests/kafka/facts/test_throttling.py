"""Sentences about delays by quotas."""

import pytest

from jmxbridge.kafka.facts.throttling import NOTABLE_MS, delay_clause, delay_sentences


def test_delay_sentences_name_broker_delay_quota_and_fix() -> None:
    """The broker tells the delay alone, so all that the quota may be for is named."""
    assert delay_sentences({"broker 1 at kafka-1:9092": 1234}) == {
        "broker 1 at kafka-1:9092": "broker 1 at kafka-1:9092 throttled us for 1,234 ms in one"
        " poll: a quota (request_percentage) applies to our user or to client id jmxbridge; raise"
        " it, or poll less often"
    }


@pytest.mark.parametrize(("ms", "is_notable"), [(NOTABLE_MS - 1, False), (NOTABLE_MS, True)])
def test_delay_sentences_leave_out_short_delays(ms: int, is_notable: bool) -> None:
    """A delay of some milliseconds makes no poll slow."""
    assert bool(delay_sentences({"b": ms})) is is_notable


@pytest.mark.parametrize(
    ("ms", "clause"),
    [
        (0, ""),
        (
            2000,
            "; it throttled us for 2,000 ms before: a quota (request_percentage) applies to our"
            " user or to client id jmxbridge; raise it",
        ),
    ],
)
def test_delay_clause_is_empty_without_a_delay(ms: int, clause: str) -> None:
    """It follows the message of a deadline."""
    assert delay_clause(ms) == clause
