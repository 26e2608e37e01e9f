"""Status lines: the health of a target, the lag poll and the delivery, one line each."""

from dataclasses import dataclass
from enum import Enum


class Health(Enum):
    """How a status line is shown: not known yet, fine, worth a look, failing."""

    WAITING = "waiting"
    FINE = "fine"
    ALERT = "alert"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class StatusLine:
    """One line of status for people; `name` is the target's or poller's."""

    name: str
    health: Health
    text: str
