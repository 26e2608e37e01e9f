"""`jmxbridge run`: poll, store and send until stopped."""

import asyncio
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jmxbridge.cli import completion
from jmxbridge.cli.arguments import DEFAULT_FILE, File, load_settings
from jmxbridge.cli.exit import USAGE, fail, reported
from jmxbridge.cli.legacy_options import DbName, Refresh, Retain, ZkForRun
from jmxbridge.service import log
from jmxbridge.service.log import LogFormat

if TYPE_CHECKING:
    from jmxbridge.config.model.models import Settings


def run(
    file: File = DEFAULT_FILE,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="TARGET",
            help="Poll only this target, and no lag.",
            autocompletion=completion.targets,
        ),
    ] = None,
    log_format: Annotated[
        LogFormat,
        typer.Option(
            "--log-format", help="auto: with syslog priorities in the journal, else text."
        ),
    ] = LogFormat.AUTO,
    zk: ZkForRun = None,
    refresh: Refresh = None,
    retain: Retain = None,
    db_name: DbName = None,
) -> None:
    """Poll everything in FILE and write it to InfluxDB, until stopped.

    Ctrl-C or SIGTERM stops it in an orderly way. Lines that InfluxDB has not accepted stay in the
    spool and are sent after the next start. SIGHUP reloads FILE: a file with errors changes
    nothing, and targets that are unchanged stay connected. A terminal shows a status line for each
    target; otherwise it logs.

    Example: jmxbridge run mbeans.yaml
    """
    with reported():
        asyncio.run(serve(file, only or (), log_format))


async def load(file: Path, only: Sequence[str]) -> "Settings":
    """Read the file, limited to the targets of --only; raises ConfigError.

    An unknown target may be a broker: the cluster is queried, if the file discovers brokers.
    """
    settings = load_settings(file)
    if not only:
        return settings
    if not {target.name for target in settings.targets}.issuperset(only):
        from jmxbridge.once import meet_brokers

        settings, problems = await meet_brokers(settings)
        for problem in problems:
            typer.echo(problem, err=True)
    known = [target.name for target in settings.targets]
    for name in only:
        if name not in known:
            fail(f"{file} has no target {name}: it has {', '.join(known) or 'none'}", USAGE)
    targets = tuple(target for target in settings.targets if target.name in only)
    return settings.model_copy(update={"targets": targets, "discover": (), "kafka": None})


async def serve(file: Path, only: Sequence[str], log_format: LogFormat) -> None:
    """Run a bridge until a signal stops it."""
    settings = await load(file, only)
    from jmxbridge.app import Bridge
    from jmxbridge.cli.screen import shown
    from jmxbridge.service.signals import reload_requests, stop_requests
    from jmxbridge.service.systemd import notify

    log.set_up(os.environ, log_format=log_format)
    bridge = await Bridge.open(settings, os.environ)

    async def reload() -> None:
        reloaded = await load_again(file, only)
        if reloaded is not None:
            await bridge.reload(reloaded)

    try:
        with (
            stop_requests() as stop,
            reload_requests(reload),
            shown(bridge.lines, on=sys.stderr),
        ):
            notify(os.environ, "READY=1")
            await bridge.run(stop)
            notify(os.environ, "STOPPING=1")
    finally:
        await bridge.close()


async def load_again(file: Path, only: Sequence[str]) -> "Settings | None":
    """Read the file again; None, with the reason in the log, if it cannot be used."""
    from jmxbridge.config.text.problem import ConfigError

    logger = logging.getLogger("jmxbridge.reload")
    try:
        return await load(file, only)
    except ConfigError as exc:
        logger.error("%s: not reloaded, the file has errors:\n%s", file, exc)
    except typer.Exit:
        logger.error("%s: not reloaded: it no longer has a target of --only", file)
    return None
