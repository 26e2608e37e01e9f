"""Options of KafkaOffsetMonitor, and of Kafka's older tools: refused by what took their place.

They are not shown by --help; who types them from habit is told what to type.
"""

from collections.abc import Callable
from typing import Annotated

import typer

from jmxbridge.cli.exit import USAGE, fail


def _refuse(instead: str) -> Callable[[typer.CallbackParam, str | None], None]:
    def refuse(option: typer.CallbackParam, value: str | None) -> None:
        if value is not None:
            fail(f"{', '.join(option.opts)}: {instead}", USAGE)

    return refuse


_NO_ZOOKEEPER = "offsets are in Kafka itself now. Name a broker, not ZooKeeper: "

ZkOfRun = Annotated[
    str | None,
    typer.Option(
        *("--zk", "--zookeeper"),
        hidden=True,
        callback=_refuse(_NO_ZOOKEEPER + "kafka: {bootstrap: HOST:9092} in the file"),
    ),
]
ZkOfLag = Annotated[
    str | None,
    typer.Option(
        *("--zk", "--zookeeper"),
        hidden=True,
        callback=_refuse(_NO_ZOOKEEPER + "--bootstrap HOST:9092"),
    ),
]
ZkOfInit = Annotated[
    str | None,
    typer.Option(
        *("--zk", "--zookeeper"),
        hidden=True,
        callback=_refuse(_NO_ZOOKEEPER + "jmxbridge init HOST:9092"),
    ),
]
Refresh = Annotated[
    str | None,
    typer.Option(
        "--refresh", hidden=True, callback=_refuse("how often to poll is interval: 10s in the file")
    ),
]
Retain = Annotated[
    str | None,
    typer.Option(
        "--retain",
        hidden=True,
        callback=_refuse(
            "how long to keep is store: {retain: 2d} in the file; with influxdb: its bucket's"
        ),
    ),
]
DbName = Annotated[
    str | None,
    typer.Option(
        "--dbName", hidden=True, callback=_refuse("the local store is store: {path: …} in the file")
    ),
]
