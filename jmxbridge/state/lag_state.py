"""The lag poll's memory on disk: read at the start, written now and then and at the end.

Rule: the file is whole or it is the one before it, also when the power goes: written beside it,
fsynced, renamed. A disk that is full or a file that is damaged costs the memory, never a poll.
"""

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path

from jmxbridge.lag.history.saved_state import MAX_BYTES, BadState, SavedState, decode, encode

log = logging.getLogger(__name__)


class LagStateFile:
    """One file; nothing here raises for what a disk does."""

    def __init__(
        self,
        path: Path,
        *,
        wants_group: Callable[[str], bool],
        wants_topic: Callable[[str], bool],
    ) -> None:
        self.path = path
        self._wants_group = wants_group
        self._wants_topic = wants_topic
        self._failing = False

    def read(self) -> SavedState:
        """Return what the last run left; nothing, with a warning, where that cannot be read."""
        try:
            with self.path.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
            if len(data) > MAX_BYTES:
                raise BadState(f"it is larger than {MAX_BYTES} bytes")
            return decode(data, wants_group=self._wants_group, wants_topic=self._wants_topic)
        except FileNotFoundError:
            return SavedState()
        except (OSError, BadState) as exc:
            log.warning(
                "%s: cannot read what earlier polls saw, so they count for nothing: %s",
                self.path,
                exc,
            )
            return SavedState()

    async def write(self, memory: SavedState) -> None:
        """Put a memory in the place of the last one."""
        try:
            await asyncio.to_thread(self._replace, memory)
        except OSError as exc:
            if not self._failing:
                log.warning("%s: cannot write what the lag polls saw: %s", self.path, exc)
            self._failing = True
        else:
            self._failing = False

    def _replace(self, memory: SavedState) -> None:
        data = encode(memory)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_name(f"{self.path.name}.new")
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
