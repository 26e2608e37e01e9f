"""Arguments and options that several commands share."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from jmxbridge.config.model.models import Settings

DEFAULT_FILE = Path("mbeans.yaml")

File = Annotated[
    Path,
    typer.Argument(
        metavar="[FILE]", help="The settings file.", show_default=True, readable=False
    ),  # `loader` says why a file cannot be read
]
FileOption = Annotated[
    Path | None,
    typer.Option(
        *("--file", "-f"), help="Settings file to take names from.  [mbeans.yaml]", readable=False
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def load_settings(file: Path) -> "Settings":
    """Read a settings file with this process's environment; raises ConfigError."""
    from jmxbridge.config.loader import load
    from jmxbridge.config.text.problem import ConfigError, Problem

    try:
        file.stat()
    except (FileNotFoundError, NotADirectoryError):
        said = "no such file: name one, or let `jmxbridge init` write it"
        raise ConfigError([Problem(str(file), 0, 0, "", said)]) from None
    except OSError:  # a folder that is closed to this user: reading says so
        pass
    return load(file, os.environ)


def settings_if_any(file: Path | None) -> "Settings | None":
    """Read the file that was named, or `mbeans.yaml` where there is one: looking needs no file."""
    if file is not None:
        return load_settings(file)
    # Path.exists raises in a folder that is closed to this user.
    return load_settings(DEFAULT_FILE) if os.path.exists(DEFAULT_FILE) else None
