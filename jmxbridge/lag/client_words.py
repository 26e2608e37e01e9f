"""A finding about a consumer in words, with the numbers of both sides and how old they are."""

from jmxbridge.lag.client_verdict import Client, Finding

_CALLED = {
    Client.DEAD: "is dead",
    Client.READS_NOT_COMMITS: "reads but does not commit",
    Client.SLOW: "is slow",
}


def in_words(finding: Finding) -> str:
    """Return a sentence without its end: who, what, why, the numbers."""
    consumer = finding.consumer
    who = f"client {consumer.client_id} of target {consumer.target}"
    called = _CALLED.get(finding.client)
    said = f"{who} {called}: {finding.why}" if called else f"{who}: {finding.why}"
    return f"{said} ({offsets_in_words(finding)}; {jmx_in_words(finding)})"


def offsets_in_words(finding: Finding) -> str:
    """Return the numbers of the offsets' side."""
    if finding.lag is None:
        return f"no commit on {_count(finding.uncommitted, 'partition')}"
    return f"{_count(finding.lag, 'record')} not committed on its worst partition"


def jmx_in_words(finding: Finding) -> str:
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
