"""What the bridge is doing right now: one line each for a target, the lag poll, the delivery."""

from dataclasses import dataclass
from enum import Enum


class Health(Enum):
    """How a line should look: nothing known yet, fine, worth a glance, wrong."""

    WAITING = "waiting"
    FINE = "fine"
    ALERT = "alert"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class StatusLine:
    """One line of status: whose, how it stands, and a sentence for people."""

    name: str
    mood: Health
    sentence: str
