"""A finding about a consumer in words, with the numbers of both sides and how old they are.

Rule: one look is not a verdict. What it shows is said as it is: numbers, and what they may mean.
"""

from jmxbridge.lag.consumers.client_verdict import NEAR_SHARE, Client, ClientFinding

_CALLED = {
    Client.DEAD: "is dead",
    Client.READS_NOT_COMMITS: "reads but does not commit",
    Client.SLOW: "is slow",
}


def in_words(finding: ClientFinding) -> str:
    """Return a sentence without its end: who, what, why, the numbers."""
    consumer = finding.consumer
    who = f"client {consumer.client_id} of target {consumer.target}"
    called = _CALLED.get(finding.client)
    said = f"{who} {called}: {finding.why}" if called else f"{who}: {finding.why}"
    return f"{said} ({offsets_in_words(finding)}; {jmx_in_words(finding)})"


def at_a_glance(finding: ClientFinding) -> str:
    """Return a sentence about what one look shows; the verdict where there is one."""
    consumer = finding.consumer
    if finding.client is not Client.NONE or consumer.gone is not None:
        return in_words(finding)
    said = f"client {consumer.client_id} of target {consumer.target} {_seen(finding)}"
    return f"{said} ({offsets_in_words(finding)}; {jmx_in_words(finding)})"


def _seen(finding: ClientFinding) -> str:
    consumer = finding.consumer
    reads = bool(consumer.consumed_rate)
    if finding.lag == 0:
        return "has committed everything"
    if not reads:
        return "is there and has fetched nothing lately: paused, or at work on what it has"
    if finding.lag is None:
        return "reads, and has committed nothing yet"
    if consumer.lag_max is not None and consumer.lag_max < NEAR_SHARE * finding.lag:
        return "reads, and is well ahead of what it has committed"
    return f"reads {consumer.consumed_rate:,.0f} records a second, and is not done"


def offsets_in_words(finding: ClientFinding) -> str:
    """Return the numbers of the offsets' side."""
    if finding.lag is None:
        return f"no commit on {_count(finding.uncommitted, 'partition')}"
    return f"{_count(finding.lag, 'record')} not committed on its worst partition"


def jmx_in_words(finding: ClientFinding) -> str:
    """Return the numbers of the other side, and how old they are."""
    consumer = finding.consumer
    age = "now" if finding.age_s < 1.0 else f"{finding.age_s:.0f} s ago"
    if consumer.gone is not None:
        return f"JMX, last read {age}: {consumer.gone}"
    if consumer.lag_max is None:
        return f"JMX, {age}: nothing fetched lately"
    return f"JMX, {age}: {_count(round(consumer.lag_max), 'record')} still to fetch"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
