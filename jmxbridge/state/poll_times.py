"""Durations of the last polls, in a file next to the store that only `check` reads.

Rule: the file is a hint. If the disk is full, or the file is damaged or unreadable, `check` lacks
one warning and nothing else is lost, so nothing here raises.
"""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jmxbridge.state.paths import state_path

log = logging.getLogger(__name__)

SUFFIX = ".polls.json"
VERSION = 1

WRITE_EVERY_S = 60.0
"""A person changes the file and checks it no more often than this."""

MAX_BYTES = 2 * 2**20
"""Names and durations of 10,000 targets; a larger file is not ours."""


class PollTimes:
    """Seconds of the last poll by poller name; written once a minute."""

    def __init__(self, store: Path) -> None:
        self._path = state_path(store, SUFFIX)
        self._seconds: dict[str, float] = {}
        self._written_s: float | None = None

    def note(self, name: str, seconds: float) -> None:
        """Note the duration of a successful poll."""
        self._seconds[name] = seconds

    def is_due(self, now_s: float) -> bool:
        """Tell whether the last write was long enough ago."""
        return self._written_s is None or now_s - self._written_s >= WRITE_EVERY_S

    def write(self, now_s: float) -> None:
        """Replace the file; do nothing if no duration was noted."""
        if not self._seconds:
            return
        self._written_s = now_s
        content = {"version": VERSION, "seconds": self._seconds}
        new_path = self._path.with_name(f"{self._path.name}.new")
        try:
            new_path.write_text(json.dumps(content), encoding="utf-8")
            new_path.replace(self._path)
        except OSError as exc:
            log.debug("%s: not written: %s", self._path, exc)


def read(store: Path) -> Mapping[str, float]:
    """Return the durations that the last run of a store wrote; empty if they cannot be read."""
    try:
        with state_path(store, SUFFIX).open("rb") as file:
            content: Any = json.loads(file.read(MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    seconds = content.get("seconds") if isinstance(content, dict) else None
    if not isinstance(seconds, dict) or content.get("version") != VERSION:
        return {}
    return {name: float(value) for name, value in seconds.items() if type(value) in (float, int)}
