"""What to call a consumer, from what it says over JMX and what its offsets say.

Rule: a verdict needs both sides. Where JMX says that it reads, the offsets say whether it commits;
where the offsets stand still, JMX says whether anybody is there.

A consumer's own lag is as old as what it fetched last, which may be minutes of work: it can be far
too small, never too large for long. So a small one accuses nobody whose commits move. And it counts
records when all that came with them is used up, so for minutes as well it may seem to read nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from jmxbridge.lag.consumers.consumer import Consumer

NEAR_SHARE = 0.5
"""A consumer has little left to fetch if its own lag is less than this share of what it has not
committed."""


class Client(IntEnum):
    """What to call a consumer; the worst of a group's is the group's."""

    NONE = 0
    SLOW = 1
    READS_NOT_COMMITS = 2
    DEAD = 3


class ClientFacts(NamedTuple):
    """What the rules look at.

    JMX: it is `gone`; it `reads` records; by its own count there are records it `has_left` to
    fetch, or little is left beside what it has not committed (`near`). Offsets, over a window: they
    stand `still` before records that wait; they move and yet the lag never fell (`behind`); there
    was `never` a commit.
    """

    gone: bool = False
    reads: bool = False
    has_left: bool = False
    near: bool = False
    still: bool = False
    behind: bool = False
    never: bool = False


ClientRule = tuple[Client, Callable[[ClientFacts], bool], str]

CLIENT_RULES: tuple[ClientRule, ...] = (
    (
        Client.DEAD,
        lambda f: f.gone and (f.still or f.never),
        "it cannot be read over JMX any more, and nothing is committed in its place",
    ),
    (
        Client.NONE,
        lambda f: f.gone,
        "it cannot be read over JMX, but its partitions do not stand still",
    ),
    (
        Client.READS_NOT_COMMITS,
        lambda f: f.never and f.reads,
        "it reads on and on, and the group has not committed any of its partitions once",
    ),
    (
        Client.READS_NOT_COMMITS,
        lambda f: f.still and f.reads and f.near,
        "it reads and has little left to fetch, but its commits stand still",
    ),
    (
        Client.SLOW,
        lambda f: f.behind and (f.reads or f.has_left),
        "it reads and commits, but more is written than it takes",
    ),
    (
        Client.NONE,
        lambda f: f.still and not f.reads,
        "it is there and fetches nothing: paused, or at work on what it has",
    ),
    (Client.NONE, lambda f: True, "what it says and what it commits agree so far"),
)
"""First hit wins; each with the reason to give."""


def decide(facts: ClientFacts) -> tuple[Client, str]:
    """Judge one consumer; returns the verdict and why."""
    return next((client, why) for client, applies, why in CLIENT_RULES if applies(facts))


@dataclass(frozen=True, slots=True)
class ClientFinding:
    """What was found of one consumer of one group.

    `lag` is the offset lag on the worst of its partitions, None where none of them has a commit;
    `uncommitted` counts those without one. `age_s` is that of what JMX says.
    """

    group: str
    client: Client
    why: str
    consumer: Consumer
    age_s: float
    lag: int | None
    uncommitted: int = 0


def worst(findings: Sequence[ClientFinding]) -> ClientFinding:
    """Return the finding that stands for a group."""
    return max(findings, key=lambda each: each.client)
