"""`jmxbridge run`: poll, store and send until told to stop."""

import asyncio
import os
import sys
from typing import TYPE_CHECKING

from jmxbridge.cli.arguments import DEFAULT_FILE, File, load_settings
from jmxbridge.cli.outcome import reported

if TYPE_CHECKING:
    from jmxbridge.config.models import Settings


def run(file: File = DEFAULT_FILE) -> None:
    """Poll what FILE names, and write it to InfluxDB, until stopped.

    Ctrl-C or SIGTERM ends it in order. What InfluxDB has not got by then is kept, and sent after
    the next start. On a terminal it shows one line for each target, elsewhere it logs.

    Example: jmxbridge run mbeans.yaml
    """
    with reported():
        asyncio.run(serve(load_settings(file)))


async def serve(settings: "Settings") -> None:
    """Run a bridge until a signal."""
    from jmxbridge.app import Bridge
    from jmxbridge.cli.screen import shown
    from jmxbridge.service import log
    from jmxbridge.service.signals import stop_requests
    from jmxbridge.service.systemd import notify

    log.set_up(os.environ)
    bridge = await Bridge.open(settings, os.environ)
    try:
        with stop_requests() as stop, shown(bridge.lines, on=sys.stderr):
            notify(os.environ, "READY=1")
            await bridge.run(stop)
            notify(os.environ, "STOPPING=1")
    finally:
        await bridge.close()
