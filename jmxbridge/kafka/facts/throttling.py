"""Delays of a poll by quotas of the brokers, as sentences.

A broker with a quota on request time (request_percentage, KIP-124) for our user or our client id
says in each reply how long it delays us. Since Kafka 2.0 (KIP-219) it replies at once and reads no
further request of that connection until the delay is over; before, it holds the reply back. Either
way our requests wait at the broker, and the wait counts as the broker's in the poll's budget. Other
quotas are on producing, fetching and creating, which this client never does.
"""

from collections.abc import Mapping

CLIENT_ID = "jmxbridge"
"""Our client id, which a quota may be for."""

NOTABLE_MS = 100
"""Delay by one broker in one poll from which on it is reported: a poll takes some tens of ms."""

_QUOTA = f"a quota (request_percentage) applies to our user or to client id {CLIENT_ID}"


def delay_sentences(throttled_ms: Mapping[str, int]) -> dict[str, str]:
    """Return a sentence for each broker that delayed a poll notably, by the broker's name."""
    return {
        broker: f"{broker} throttled us for {ms:,} ms in one poll: {_QUOTA}; raise it, or poll less"
        " often"
        for broker, ms in throttled_ms.items()
        if ms >= NOTABLE_MS
    }


def delay_clause(throttled_ms: int) -> str:
    """Return what a deadline's message adds about the delay; empty if there was none."""
    if not throttled_ms:
        return ""
    return f"; it throttled us for {throttled_ms:,} ms before: {_QUOTA}; raise it"
