"""Options of KafkaOffsetMonitor and of Kafka's older tools, each refused with its replacement.

They are hidden from --help.
"""

from collections.abc import Callable
from typing import Annotated

import typer

from jmxbridge.cli.exit import USAGE, fail


def _refuse(replacement: str) -> Callable[[typer.CallbackParam, str | None], None]:
    def refuse(option: typer.CallbackParam, value: str | None) -> None:
        if value is not None:
            fail(f"{', '.join(option.opts)}: {replacement}", USAGE)

    return refuse


_NO_ZOOKEEPER = "offsets are stored in Kafka, not in ZooKeeper. Give a broker instead: "

ZkForRun = Annotated[
    str | None,
    typer.Option(
        "--zk",
        "--zookeeper",
        hidden=True,
        callback=_refuse(_NO_ZOOKEEPER + "kafka: {bootstrap: HOST:9092} in the file"),
    ),
]
ZkForLag = Annotated[
    str | None,
    typer.Option(
        "--zk",
        "--zookeeper",
        hidden=True,
        callback=_refuse(_NO_ZOOKEEPER + "--bootstrap HOST:9092"),
    ),
]
ZkForInit = Annotated[
    str | None,
    typer.Option(
        "--zk",
        "--zookeeper",
        hidden=True,
        callback=_refuse(_NO_ZOOKEEPER + "jmxbridge init HOST:9092"),
    ),
]
Refresh = Annotated[
    str | None,
    typer.Option("--refresh", hidden=True, callback=_refuse("set interval: 10s in the file")),
]
Retain = Annotated[
    str | None,
    typer.Option(
        "--retain",
        hidden=True,
        callback=_refuse(
            "set store: {retain: 2d} in the file; with influxdb, set its bucket's retention"
        ),
    ),
]
DbName = Annotated[
    str | None,
    typer.Option("--dbName", hidden=True, callback=_refuse("set store: {path: …} in the file")),
]
