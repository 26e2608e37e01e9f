"""Checks that need more than one section.

Each check takes what has been read so far, the valid parts of a file that may have other problems,
and reports at the place a person would change.
"""

from collections.abc import Sequence

from jmxbridge.config.checks.target import LocatedTarget
from jmxbridge.config.model.location import Path
from jmxbridge.config.model.model_reader import ModelReader
from jmxbridge.config.text.tree import Mapping, Scalar


def refuse_pause(reader: ModelReader, store: Mapping, path: Path) -> None:
    """Report `when_full: pause` in a file without InfluxDB.

    There only age makes room, so polls that pause would stay paused.
    """
    entry = store.get("when_full")
    if entry and isinstance(entry.value, Scalar) and entry.value.text == "pause":
        message = "pause needs an influxdb section: without one nothing makes room"
        reader.add(entry.value, (*path, "when_full"), message)


def refuse_discovery(reader: ModelReader, targets: Sequence[LocatedTarget]) -> None:
    """Report targets that are discovered from a cluster in a file that names none."""
    for target in targets:
        entry = target.node.get("discover")
        if entry:
            message = "needs kafka: its bootstrap is asked for the brokers"
            reader.add(entry.key, (*target.path, "discover"), message)
