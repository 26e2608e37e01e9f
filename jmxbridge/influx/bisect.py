"""Binary search for the refused lines of a batch, without I/O.

Rule: lines are decided from the front. The search is depth first, left half first, so the decided
lines are always the first ones of the batch: they can be settled at any moment, in order, and the
others are simply still pending.

One refused line among n costs about 2·log2(n) requests. A server that reports as many refused lines
as it was sent has decided all of them in one request. After `budget` requests the search stops, so
that a batch with thousands of refused lines is settled in pieces.
"""

from jmxbridge.influx.verdict import Action, Verdict, advice
from jmxbridge.store.values import DeadLine

BUDGET = 200
"""Requests per batch. The first line is decided after log2(5000) + 1 = 14: every batch advances."""


class Bisection:
    """State of one search: send the lines of `part`, then pass the verdict to `answer`."""

    def __init__(self, lines: int, *, budget: int = BUDGET) -> None:
        self._lines = lines
        self._open = [range(lines)]
        self._budget = budget
        self.dead: list[DeadLine] = []
        self.stopped: Verdict | None = None

    @property
    def part(self) -> range | None:
        """Indices of the lines to send next; None when the search is over."""
        if self.stopped or not self._open or self._budget <= 0:
            return None
        return self._open[-1]

    @property
    def decided(self) -> int:
        """Number of lines, from the front, that are stored or in `dead`."""
        return self._open[-1].start if self._open else self._lines

    def answer(self, verdict: Verdict) -> None:
        """Process the verdict on the lines of `part`."""
        part = self._open.pop()
        self._budget -= 1
        match verdict.action:
            case Action.STORED:
                pass
            case Action.REFUSED if verdict.dropped == len(part) or len(part) == 1:
                self._refuse(part, verdict)
            case Action.TOO_LARGE if len(part) == 1:
                self._refuse(part, verdict)
            case Action.REFUSED | Action.TOO_LARGE:
                middle = (part.start + part.stop) // 2
                self._open += [range(middle, part.stop), range(part.start, middle)]
            case _:  # HOLD or RETRY: nothing about these lines
                self._open.append(part)
                self.stopped = verdict

    def _refuse(self, part: range, verdict: Verdict) -> None:
        reason = f"{verdict.cause}: {verdict.message or verdict.text}"
        remedy = advice(verdict.message)
        if remedy is not None:
            reason = f"{reason}; {remedy}"
        self.dead += [DeadLine(index, reason) for index in part]
