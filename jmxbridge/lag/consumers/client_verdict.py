"""Verdict on one consumer, from its own JMX metrics and its group's offsets, with its wording.

Rules:

1. A verdict needs both sides. Where JMX says that a consumer reads, the offsets say whether it
   commits; where the offsets stand still, JMX says whether the consumer is alive.
2. A consumer's own lag is as old as its last fetch, which may be minutes of work ago. It can be far
   too small, but not too large for long. So a small one proves nothing while commits move.
3. A consumer counts records when it has used up all that came with them, so it too may seem to read
   nothing for minutes.
4. One look is not a verdict. It is reported as numbers and what they may mean.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from jmxbridge.lag.consumers.consumer import Consumer
from jmxbridge.plural import counted

NEAR_SHARE = 0.5
"""A consumer has little left to fetch if its own lag is less than this share of what it has not
committed."""


class ClientVerdict(IntEnum):
    """Verdict on a consumer; a group has the worst of its consumers'."""

    NONE = 0
    SLOW = 1
    READS_NOT_COMMITS = 2
    DEAD = 3


class ClientFacts(NamedTuple):
    """Input of the rules.

    From JMX: the consumer is `gone`; it `reads` records; its own lag is above 0 (`has_left`), or
    small next to what it has not committed (`near`). From offsets, over a window: they stand
    `still` while records wait; they move and yet the lag never fell (`behind`); there was `never` a
    commit.
    """

    gone: bool = False
    reads: bool = False
    has_left: bool = False
    near: bool = False
    still: bool = False
    behind: bool = False
    never: bool = False


ClientRule = tuple[ClientVerdict, Callable[[ClientFacts], bool], str]

CLIENT_RULES: tuple[ClientRule, ...] = (
    (
        ClientVerdict.DEAD,
        lambda f: f.gone and (f.still or f.never),
        "its JMX no longer answers, and its partitions get no commits",
    ),
    (
        ClientVerdict.NONE,
        lambda f: f.gone,
        "its JMX does not answer, but its partitions get commits",
    ),
    (
        ClientVerdict.READS_NOT_COMMITS,
        lambda f: f.never and f.reads,
        "it keeps reading, and the group has never committed any of its partitions",
    ),
    (
        ClientVerdict.READS_NOT_COMMITS,
        lambda f: f.still and f.reads and f.near,
        "it reads and has little left to fetch, but its commits stand still",
    ),
    (
        ClientVerdict.SLOW,
        lambda f: f.behind and (f.reads or f.has_left),
        "it reads and commits, but records arrive faster than it reads them",
    ),
    (
        ClientVerdict.NONE,
        lambda f: f.still and not f.reads,
        "it is alive and fetches nothing: paused, or busy with what it has",
    ),
    (ClientVerdict.NONE, lambda f: True, "its metrics and its commits agree so far"),
)
"""The first rule that applies wins; each has its reason."""


def decide(facts: ClientFacts) -> tuple[ClientVerdict, str]:
    """Judge one consumer; return the verdict and its reason."""
    return next((verdict, why) for verdict, applies, why in CLIENT_RULES if applies(facts))


@dataclass(frozen=True, slots=True)
class ClientFinding:
    """Verdict on one consumer of one group, with the numbers behind it.

    `lag` is the offset lag on the worst of its partitions, None where none of them has a commit;
    `uncommitted` counts those without one. `age_s` is the age of the JMX metrics.
    """

    group: str
    verdict: ClientVerdict
    why: str
    consumer: Consumer
    age_s: float
    lag: int | None
    uncommitted: int = 0


def worst_finding(findings: Sequence[ClientFinding]) -> ClientFinding:
    """Return the finding that stands for a group."""
    return max(findings, key=lambda finding: finding.verdict)


_VERDICT_WORDS = {
    ClientVerdict.DEAD: "is dead",
    ClientVerdict.READS_NOT_COMMITS: "reads but does not commit",
    ClientVerdict.SLOW: "is slow",
}


def in_words(finding: ClientFinding) -> str:
    """Return a sentence without its full stop: the consumer, its verdict, the reason, numbers."""
    verdict = _VERDICT_WORDS.get(finding.verdict)
    client = _client(finding)
    start = f"{client} {verdict}" if verdict else client
    return f"{start}: {finding.why} ({_numbers(finding)})"


def at_a_glance(finding: ClientFinding) -> str:
    """Return a sentence about one look; `in_words` where there is a verdict."""
    if finding.verdict is not ClientVerdict.NONE or finding.consumer.gone is not None:
        return in_words(finding)
    return f"{_client(finding)} {_observation(finding)} ({_numbers(finding)})"


def _client(finding: ClientFinding) -> str:
    return f"client {finding.consumer.client_id} of target {finding.consumer.target}"


def _observation(finding: ClientFinding) -> str:
    consumer = finding.consumer
    if finding.lag == 0:
        return "has committed everything"
    if not consumer.consumed_rate:
        return "is alive and has fetched nothing lately: paused, or busy with what it has"
    if finding.lag is None:
        return "reads, and has committed nothing yet"
    if consumer.lag_max is not None and consumer.lag_max < NEAR_SHARE * finding.lag:
        return "reads, and is well ahead of what it has committed"
    return f"reads {consumer.consumed_rate:,.0f} records a second, and has more to read"


def _numbers(finding: ClientFinding) -> str:
    """Return the numbers of both sides, and the age of those from JMX."""
    return f"{_offset_numbers(finding)}; {_jmx_numbers(finding)}"


def _offset_numbers(finding: ClientFinding) -> str:
    if finding.lag is None:
        return f"no commit on {counted(finding.uncommitted, 'partition')}"
    return f"{counted(finding.lag, 'record')} not committed on its worst partition"


def _jmx_numbers(finding: ClientFinding) -> str:
    consumer = finding.consumer
    age = "now" if finding.age_s < 1.0 else f"{finding.age_s:.0f} s ago"
    if consumer.gone is not None:
        return f"JMX, last read {age}: {consumer.gone}"
    if consumer.lag_max is None:
        return f"JMX, {age}: nothing fetched lately"
    return f"JMX, {age}: {counted(round(consumer.lag_max), 'record')} still to fetch"
