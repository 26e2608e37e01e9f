"""Options of `spool` and `dlq`: the store of a settings file, and the format of times."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jmxbridge.cli.arguments import DEFAULT_FILE, load_settings

if TYPE_CHECKING:
    from jmxbridge.config.model.models import Settings
    from jmxbridge.store import StoreReader

StoreFileOption = Annotated[
    Path,
    typer.Option(
        "--file",
        "-f",
        help="The settings file, which has the path of the store.",
        readable=False,  # the loader reports why it cannot be read
    ),
]
MBEANS_YAML = DEFAULT_FILE


def reader_of(file: Path) -> "StoreReader":
    """Return a reader of the store in a settings file; raises ConfigError."""
    return open_reader(load_settings(file))


def open_reader(settings: "Settings") -> "StoreReader":
    """Return a reader of the store in the settings."""
    from jmxbridge.config.loader import store_path
    from jmxbridge.store import StoreReader

    return StoreReader(store_path(settings, os.environ))


def when(time_ns: int | None) -> str | None:
    """Format a time as RFC 3339 in UTC, to the second; None stays None."""
    if time_ns is None:
        return None
    return datetime.fromtimestamp(time_ns // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
