"""What `spool` and `dlq` share: the store of a settings file, and how its times are written."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jmxbridge.cli.arguments import DEFAULT_FILE, load_settings

if TYPE_CHECKING:
    from jmxbridge.config.model.models import Settings
    from jmxbridge.store import StoreReader

StoreOf = Annotated[
    Path,
    typer.Option(
        *("--file", "-f"),
        help="The settings file, which says where the store is.",
        readable=False,  # `loader` says why it cannot be read
    ),
]
MBEANS_YAML = DEFAULT_FILE


def reader_of(file: Path) -> "StoreReader":
    """The store that a settings file names, to look at; raises ConfigError."""
    return open_reader(load_settings(file))


def open_reader(settings: "Settings") -> "StoreReader":
    """The store of settings, to look at."""
    from jmxbridge.config.loader import store_path
    from jmxbridge.store import StoreReader

    return StoreReader(store_path(settings, os.environ))


def when(time_ns: int | None) -> str | None:
    """An instant as RFC 3339 in UTC, to the second; None for none."""
    if time_ns is None:
        return None
    return datetime.fromtimestamp(time_ns // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
