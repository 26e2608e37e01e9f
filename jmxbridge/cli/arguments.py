"""Arguments and options that several commands share."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from jmxbridge.config.models import Settings

DEFAULT_FILE = Path("mbeans.yaml")

File = Annotated[
    Path, typer.Argument(metavar="[FILE]", help="The settings file.", show_default=True)
]
FileOption = Annotated[
    Path | None,
    typer.Option("--file", "-f", help="Settings file to take names from.  [mbeans.yaml]"),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def load_settings(file: Path) -> "Settings":
    """Read a settings file with this process's environment; raises ConfigError."""
    import os

    from jmxbridge.config.loader import load
    from jmxbridge.config.problem import ConfigError, Problem

    if not file.exists():
        said = "no such file: name one, or let `jmxbridge init` write it"
        raise ConfigError([Problem(str(file), 0, 0, "", said)])
    return load(file, os.environ)


def settings_if_any(file: Path | None) -> "Settings | None":
    """Read the file that was named, or `mbeans.yaml` where there is one: looking needs no file."""
    if file is not None:
        return load_settings(file)
    return load_settings(DEFAULT_FILE) if DEFAULT_FILE.exists() else None
