"""File with the saved state of the lag poll, read at the start of a run.

Rule: the file is whole or it is the previous one, also after a power failure: it is written under
another name, fsynced, renamed. A full disk or a damaged file costs the saved state, never a poll.
"""

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path

from jmxbridge.lag.history.saved_state import MAX_BYTES, BadState, SavedState, decode, encode

log = logging.getLogger(__name__)


class LagStateFile:
    """One file; no method raises for an error of the disk.

    Groups and topics that do not pass the filters are left out when it is read.
    """

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
        """Return what the last run saved; empty, with a warning, where that cannot be read."""
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
                "%s: cannot read the saved state of the lag poll; starting without it: %s",
                self.path,
                exc,
            )
            return SavedState()

    async def write(self, state: SavedState) -> None:
        """Replace the saved state; log the first of several failures."""
        try:
            await asyncio.to_thread(self._replace, state)
        except OSError as exc:
            if not self._failing:
                log.warning("%s: cannot save the state of the lag poll: %s", self.path, exc)
            self._failing = True
        else:
            self._failing = False

    def _replace(self, state: SavedState) -> None:
        data = encode(state)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_name(f"{self.path.name}.new")
        with new.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
