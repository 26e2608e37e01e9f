"""What the shell offers where a target or a group is asked for.

Rule: nothing is printed, no server is asked. Targets are those of the file; groups are those that
the last `jmxbridge run` saw, out of the lag poll's memory beside the store.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from jmxbridge.cli.arguments import DEFAULT_FILE

if TYPE_CHECKING:
    from jmxbridge.config.completion_outline import Outline
    from jmxbridge.config.model.models import Settings

# Where systemd's StateDirectory=jmxbridge is: the service's store is not below a user's home.
SERVICE_STATE = {"STATE_DIRECTORY": "/var/lib/jmxbridge"}


def targets(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the targets of the file that begin so."""
    return [name for name in _outline(ctx).targets if name.startswith(incomplete)]


def groups(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the groups that the last run saw and that begin so."""
    settings = _outline(ctx).settings
    if settings is None:
        return []
    for environ in (os.environ, SERVICE_STATE):
        found = _groups(settings, dict(environ))
        if found:
            return [name for name in found if name.startswith(incomplete)]
    return []


def _outline(ctx: typer.Context) -> "Outline":
    from jmxbridge.config.completion_outline import Outline, outline
    from jmxbridge.config.loader import read_text
    from jmxbridge.config.text.problem import ConfigError

    path = Path(ctx.params.get("file") or DEFAULT_FILE)
    try:
        return outline(read_text(path), path)
    except ConfigError:
        return Outline()


def _groups(settings: "Settings", environ: dict[str, str]) -> list[str]:
    from jmxbridge.config.loader import store_path
    from jmxbridge.lag.history.saved_state import MAX_BYTES, BadState, decode
    from jmxbridge.state.paths import state_path

    path = state_path(store_path(settings, environ), ".lag.json")
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES)
        memory = decode(data, wants_group=lambda _: True, wants_topic=lambda _: False)
    except (OSError, BadState):
        return []
    return sorted(memory.groups)
