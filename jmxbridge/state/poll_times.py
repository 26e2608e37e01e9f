"""How long the last polls took, in a file beside the store: `check` reads it, nothing else does.

Rule: it is a hint. A disk that is full, a file that is damaged or not ours to read, costs a
warning of `check` and nothing else, so nothing here raises.
"""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jmxbridge.state.paths import beside

log = logging.getLogger(__name__)

SUFFIX = ".polls.json"
VERSION = 1

# As often as a person might change the file and check it.
WRITE_EVERY_S = 60.0

# A name and a number of 10,000 targets; what is larger is not ours.
MAX_BYTES = 2 * 2**20


class PollTimes:
    """Seconds by what was polled, of its last poll; written now and then."""

    def __init__(self, store: Path) -> None:
        self._path = beside(store, SUFFIX)
        self._seconds: dict[str, float] = {}
        self._written_s: float | None = None

    def note(self, name: str, seconds: float) -> None:
        """Know how long a poll took that went well."""
        self._seconds[name] = seconds

    def is_due(self, now_s: float) -> bool:
        """Whether the last time is long enough ago."""
        return self._written_s is None or now_s - self._written_s >= WRITE_EVERY_S

    def write(self, now_s: float) -> None:
        """Put all of it in the place of what was there; nothing where nothing is known."""
        if not self._seconds:
            return
        self._written_s = now_s
        content = {"version": VERSION, "seconds": self._seconds}
        new = self._path.with_name(f"{self._path.name}.new")
        try:
            new.write_text(json.dumps(content), encoding="utf-8")
            new.replace(self._path)
        except OSError as exc:
            log.debug("%s: not written: %s", self._path, exc)


def read(store: Path) -> Mapping[str, float]:
    """Return what the last run beside this store left; nothing where that cannot be read."""
    try:
        with beside(store, SUFFIX).open("rb") as file:
            content: Any = json.loads(file.read(MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    seconds = content.get("seconds") if isinstance(content, dict) else None
    if not isinstance(seconds, dict) or content.get("version") != VERSION:
        return {}
    return {name: float(took) for name, took in seconds.items() if type(took) in (float, int)}
