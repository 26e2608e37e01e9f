"""Shell completion of targets and consumer groups.

Rule: nothing is printed and no server is queried. Targets come from the file; groups are those that
the last `jmxbridge run` saw, from the lag poll's state file next to the store.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from jmxbridge.cli.arguments import DEFAULT_FILE

if TYPE_CHECKING:
    from jmxbridge.config.completion_outline import Outline
    from jmxbridge.config.model.models import Settings

SERVICE_STATE = {"STATE_DIRECTORY": "/var/lib/jmxbridge"}
"""Environment of the service: systemd's StateDirectory=jmxbridge, not a path in a user's home."""


def targets(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the targets of the file that begin with `incomplete`."""
    return [name for name in _outline(ctx).targets if name.startswith(incomplete)]


def groups(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the groups of the last run that begin with `incomplete`."""
    settings = _outline(ctx).settings
    if settings is None:
        return []
    for environ in (os.environ, SERVICE_STATE):
        names = _groups(settings, dict(environ))
        if names:
            return [name for name in names if name.startswith(incomplete)]
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
