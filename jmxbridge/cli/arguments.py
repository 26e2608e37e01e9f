"""Arguments and options of several commands."""

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
    ),  # the loader reports why a file cannot be read
]
FileOption = Annotated[
    Path | None,
    typer.Option(
        "--file",
        "-f",
        help="The settings file.  [mbeans.yaml, if it exists]",
        readable=False,
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
        message = "no such file: name one, or create it with `jmxbridge init`"
        raise ConfigError([Problem(str(file), 0, 0, "", message)]) from None
    except OSError:  # no access to the folder: reading the file reports it
        pass
    return load(file, os.environ)


def settings_if_any(file: Path | None) -> "Settings | None":
    """Read the named file, else `mbeans.yaml` if it exists: these commands work without a file."""
    if file is not None:
        return load_settings(file)
    # Path.exists raises in a folder without access for this user.
    return load_settings(DEFAULT_FILE) if os.path.exists(DEFAULT_FILE) else None
