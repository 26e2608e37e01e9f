"""Verdict on the demo: did the lag climb and fall, judged by all points the bridge stored?"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

MIN_CLIMBING = 5  # fewer polls prove little


@dataclass(frozen=True, slots=True)
class Poll:
    """The group's lag as one poll stored it; `time_ns` is when the poll was due."""

    time_ns: int
    lag: int


@dataclass(frozen=True, slots=True)
class Climb:
    """Time span in which records were produced and none consumed, in nanoseconds since 1970."""

    start_ns: int
    end_ns: int


def judge(polls: Sequence[Poll], climb: Climb, *, interval_ns: int) -> list[str]:
    """Return complaints as sentences; none means success.

    A poll reads at some moment of the interval that begins at its `time_ns`, so it belongs to the
    climb only if the whole interval does.
    """
    climbing = [
        poll for poll in polls if climb.start_ns <= poll.time_ns <= climb.end_ns - interval_ns
    ]
    after = [poll for poll in polls if poll.time_ns > climb.end_ns]
    complaints = []
    if len(climbing) < MIN_CLIMBING:
        complaints.append(f"only {len(climbing)} polls while nothing was consumed")
    for before, poll in pairwise(climbing):
        if poll.lag <= before.lag:
            complaints.append(
                f"the lag did not rise at the poll of {poll.time_ns}: {before.lag}, then {poll.lag}"
            )
    if not after or after[-1].lag != 0:
        last = f"it is {after[-1].lag}" if after else "no poll came after"
        complaints.append(f"the lag did not fall to 0 once the consumer was back: {last}")
    return complaints
