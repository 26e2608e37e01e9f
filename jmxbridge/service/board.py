"""What the bridge is doing right now, one line each for a target, the lag poll and the delivery."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum


class Mood(Enum):
    """How a line should look: nothing known yet, fine, worth a glance, wrong."""

    WAITING = "waiting"
    FINE = "fine"
    ALERT = "alert"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of status: whose, how it stands, and a sentence for people."""

    name: str
    mood: Mood
    sentence: str


class Board:
    """The newest line of each name, in the order in which the names first appeared.

    Bounded by the number of names: one for each target in the file, and two more.
    """

    def __init__(self) -> None:
        self._lines: dict[str, Line] = {}

    def show(self, name: str, mood: Mood, sentence: str) -> None:
        """Replace the line of `name`."""
        self._lines[name] = Line(name, mood, sentence)

    def __iter__(self) -> Iterator[Line]:
        return iter(self._lines.values())
