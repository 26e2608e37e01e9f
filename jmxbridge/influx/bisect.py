"""Finding the refused lines of a batch, without I/O.

Rule: lines are decided from the front. The search goes depth first, left half first, so what is
decided is always the beginning of the batch: it can be booked at any moment, in order, and what is
left is simply still pending.

One refused line among n costs about 2·log2(n) requests. A server that says it refused as many
lines as it was sent has decided them all in one. After `budget` requests the search stops where it
is, so that a batch with thousands of refused lines is booked piece by piece.
"""

from jmxbridge.influx.verdict import Action, Verdict, advice
from jmxbridge.store.values import DeadLine

BUDGET = 200
"""Requests a batch. The first line is decided after log2(5000) + 1 = 14, so each batch advances."""


class Bisection:
    """The state of one search: ask for `part`, send it, `answer` with the verdict."""

    def __init__(self, lines: int, *, budget: int = BUDGET) -> None:
        self._lines = lines
        self._open = [range(lines)]
        self._budget = budget
        self.dead: list[DeadLine] = []
        self.stopped: Verdict | None = None

    @property
    def part(self) -> range | None:
        """The lines to send next; None when the search is over."""
        if self.stopped or not self._open or self._budget <= 0:
            return None
        return self._open[-1]

    @property
    def decided(self) -> int:
        """How many lines, from the front, are stored or in `dead`."""
        return self._open[-1].start if self._open else self._lines

    def answer(self, verdict: Verdict) -> None:
        """Take the verdict on the lines of `part`."""
        part = self._open.pop()
        self._budget -= 1
        match verdict.action:
            case Action.STORED:
                pass
            case Action.REFUSED if verdict.dropped == len(part) or len(part) == 1:
                self._bury(part, verdict)
            case Action.TOO_LARGE if len(part) == 1:
                self._bury(part, verdict)
            case Action.REFUSED | Action.TOO_LARGE:
                middle = (part.start + part.stop) // 2
                self._open += [range(middle, part.stop), range(part.start, middle)]
            case Action.HOLD | Action.RETRY:
                self._open.append(part)
                self.stopped = verdict

    def _bury(self, part: range, verdict: Verdict) -> None:
        reason = f"{verdict.cause}: {verdict.words or verdict.sentence}"
        what_to_do = advice(verdict.words)
        if what_to_do is not None:
            reason = f"{reason}; {what_to_do}"
        self.dead += [DeadLine(index, reason) for index in part]
