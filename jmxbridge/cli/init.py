"""`jmxbridge init`: a first settings file, from a cluster or from another tool's file."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jmxbridge.cli.arguments import DEFAULT_FILE, load_settings
from jmxbridge.cli.exit import CONFIGURATION, FINDINGS, USAGE, fail, reported
from jmxbridge.cli.legacy_options import ZkForInit

if TYPE_CHECKING:
    from jmxbridge.config.model.models import KafkaSettings
    from jmxbridge.config.show.new_file import FoundCluster
    from jmxbridge.config.values.address import Address

DEFAULT_BOOTSTRAP = "127.0.0.1:9092"

BootstrapArgument = Annotated[
    str | None,
    typer.Argument(metavar="[HOST:PORT,...]", help="Kafka brokers; one is enough."),
]
JmxPortOption = Annotated[
    int | None,
    typer.Option(
        "--jmx-port", min=1, max=65535, help="The brokers' JMX port; else it is searched for."
    ),
]
OutputOption = Annotated[
    Path, typer.Option("--output", "-o", help="The file to write; - writes to stdout.")
]
FromTelegrafOption = Annotated[
    Path | None,
    typer.Option(
        "--from-telegraf",
        metavar="FILE",
        help="Convert a telegraf.conf with jolokia2_agent or jolokia2_proxy.",
    ),
]
FromJmxtransOption = Annotated[
    Path | None,
    typer.Option("--from-jmxtrans", metavar="FILE", help="Convert a file of jmxtrans."),
]
FromJmxExporterOption = Annotated[
    Path | None,
    typer.Option(
        "--from-jmx-exporter",
        metavar="FILE",
        help="Convert a file of Prometheus' jmx_exporter.",
    ),
]
AccessOption = Annotated[
    Path | None,
    typer.Option(
        "--access",
        metavar="FILE",
        help="A file with kafka.tls and kafka.sasl, to use and to copy into the new file.",
    ),
]
TimeoutOption = Annotated[
    float | None,
    typer.Option(
        "--timeout",
        min=1.0,
        metavar="SECONDS",
        help="Timeout of each broker and each JVM, here and in the new file: that of the file of"
        " --access, else 5.",
    ),
]


def init(
    bootstrap: BootstrapArgument = None,
    jmx_port: JmxPortOption = None,
    output: OutputOption = DEFAULT_FILE,
    from_telegraf: FromTelegrafOption = None,
    from_jmxtrans: FromJmxtransOption = None,
    from_jmx_exporter: FromJmxExporterOption = None,
    access: AccessOption = None,
    timeout_s: TimeoutOption = None,
    zk: ZkForInit = None,
) -> None:
    """Write a first mbeans.yaml for a Kafka cluster.

    It has the brokers, their JMX ports, and the packs to collect.

    The JMX port of a broker is found by trying the ports in the command lines of this machine's
    JVMs and the usual ones, 9999 first, until a JVM reports the broker's id and cluster. If none
    does, the broker is written as a comment with the reason. With --access the connections use the
    TLS and SASL settings of that file, and its brokers if none are given.

    With --from-telegraf, --from-jmxtrans or --from-jmx-exporter the other tool's file is converted,
    and what cannot be carried over is listed by line. An existing file is not overwritten.

    Exit status 69: no broker answers; 1: nothing of the other tool's file can be carried over.

    Example: jmxbridge init kafka-1:9092
    """
    old_files = {
        "telegraf": from_telegraf,
        "jmxtrans": from_jmxtrans,
        "jmx-exporter": from_jmx_exporter,
    }
    chosen = [(tool, path) for tool, path in old_files.items() if path is not None]
    if len(chosen) > 1:
        fail("one --from-… at a time: convert each file to an --output of its own", USAGE)
    check_output(output)
    if chosen:
        [(tool, path)] = chosen
        convert(tool, path, output, parse(bootstrap) if bootstrap else [])
    else:
        discover(cluster_of(bootstrap, access, timeout_s), jmx_port, output)


def check_output(output: Path) -> None:
    """Exit with a usage error if the file exists or its directory does not."""
    # Path.exists and is_dir raise in a folder without access for this user.
    if str(output) != "-" and os.path.exists(output):
        fail(f"{output} exists already: name another with --output, or - for stdout", USAGE)
    if not os.path.isdir(output.parent):
        fail(f"{output}: there is no directory {output.parent}", USAGE)


def convert(tool: str, old: Path, output: Path, bootstrap: "Sequence[Address]") -> None:
    """Write the file that results from another tool's file."""
    from jmxbridge.config.loader import read_text
    from jmxbridge.config.migration import NothingMigrated, WrongFile, migrate

    with reported():
        text = read_text(old)
    try:
        made = migrate(tool, text, source=old.name, bootstrap=bootstrap)
    except WrongFile as exc:
        fail(f"{old}: {exc}", CONFIGURATION)
    except NothingMigrated as exc:
        for leftover in exc.leftovers:
            typer.echo(f"{old}:{leftover}", err=True)
        fail(f"{old}: nothing of it can be carried over", FINDINGS)
    write(output, made.text)
    for leftover in made.leftovers:
        typer.echo(f"{old}:{leftover}", err=True)
    if str(output) != "-":
        count = len(made.leftovers)
        result = f"{count} not carried over" if count else "all of it carried over"
        typer.echo(f"{output}: {result}; next: jmxbridge check {output} --connect", err=True)


def write(output: Path, text: str) -> None:
    """Write to the file or stdout, with a first line that refers editors to the schema."""
    from jmxbridge.config.loader import schema_line

    text = schema_line() + text
    if str(output) == "-":
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as exc:
        fail(f"{output}: cannot be written: {exc.strerror}", USAGE)


def discover(kafka: "KafkaSettings", jmx_port: int | None, output: Path) -> None:
    """Write a file for a cluster, and report brokers that could not be reached."""
    from jmxbridge.config.show.new_file import propose

    with reported():
        cluster = asyncio.run(find_cluster(kafka, jmx_port))
    write(output, propose(cluster))
    if str(output) == "-":
        return
    polled = sum(1 for broker in cluster.brokers if broker.problem is None)
    typer.echo(
        f"{output}: {polled} of {len(cluster.brokers)} brokers polled over JMX, lag of"
        f" {len(cluster.groups)} groups; next: jmxbridge check {output} --connect",
        err=True,
    )
    for broker in cluster.brokers:
        if broker.problem is not None:
            typer.echo(f"{broker.name}: {broker.problem}", err=True)


def cluster_of(
    bootstrap: str | None, access: Path | None, timeout_s: float | None
) -> "KafkaSettings":
    """Return the cluster of the command line, else of the file, with the file's TLS and SASL."""
    from jmxbridge.config.model.models import KafkaSettings

    of_file = None if access is None else load_settings(access).kafka
    if access is not None and of_file is None:
        fail(f"{access} has no kafka section", USAGE)
    if of_file is not None and bootstrap is None:
        bootstrap = ",".join(map(str, of_file.bootstrap))
    addresses = tuple(parse(bootstrap or DEFAULT_BOOTSTRAP))
    kafka = of_file or KafkaSettings(bootstrap=addresses)
    timeout_s = timeout_s or kafka.timeout_s
    return kafka.model_copy(update={"bootstrap": addresses, "timeout_s": timeout_s})


def parse(bootstrap: str) -> "list[Address]":
    """Parse the addresses of the command line."""
    from jmxbridge.config.text.problem import InvalidValue
    from jmxbridge.config.values.address import parse_address

    try:
        return [parse_address(part.strip()) for part in bootstrap.split(",")]
    except InvalidValue as exc:
        fail(str(exc), USAGE)


async def find_cluster(kafka: "KafkaSettings", jmx_port: int | None) -> "FoundCluster":
    """Query the cluster for its brokers and groups, and each broker's JVM for its MBeans.

    Raises KafkaUnavailable.
    """
    from jmxbridge.build import make_security
    from jmxbridge.cli.broker_jmx import MAX_CONNECTIONS, SoughtBroker, find_jvm
    from jmxbridge.config.show.effective import access
    from jmxbridge.config.show.new_file import FoundCluster
    from jmxbridge.kafka.cluster.cluster import Cluster

    bootstrap = [(address.host, address.port) for address in kafka.bootstrap]
    security = make_security(kafka, timeout_s=kafka.timeout_s)
    async with Cluster(
        bootstrap,
        timeout_s=kafka.timeout_s,
        security=security,
        addresses=kafka.address_map,
    ) as cluster:
        brokers = sorted((await cluster.find_brokers()).items())
        snapshot = await cluster.poll()
    limit = asyncio.Semaphore(MAX_CONNECTIONS)
    sought = [SoughtBroker(node, host, cluster.cluster_id) for node, (host, _) in brokers]
    found_brokers = await asyncio.gather(
        *(find_jvm(broker, jmx_port, kafka.timeout_s, limit) for broker in sought)
    )
    return FoundCluster(
        kafka.bootstrap,
        found_brokers,
        sorted(snapshot.groups),
        sorted(snapshot.end_offsets),
        access(kafka),
    )
