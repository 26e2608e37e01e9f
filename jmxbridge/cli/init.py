"""`jmxbridge init`: a first file, made of what can be found out."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jmxbridge.cli.arguments import DEFAULT_FILE, load_settings
from jmxbridge.cli.exit import CONFIGURATION, FINDINGS, USAGE, fail, reported
from jmxbridge.cli.legacy_options import ZkOfInit

if TYPE_CHECKING:
    from jmxbridge.config.model.models import KafkaSettings
    from jmxbridge.config.show.new_file import FoundCluster
    from jmxbridge.config.values.address import Address

DEFAULT_BOOTSTRAP = "127.0.0.1:9092"


def init(
    bootstrap: Annotated[
        str | None,
        typer.Argument(metavar="[HOST:PORT,...]", help="Kafka brokers; one is enough."),
    ] = None,
    jmx_port: Annotated[
        int | None,
        typer.Option(
            "--jmx-port", min=1, max=65535, help="The brokers' JMX_PORT; else it is looked for."
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The file to write; - is stdout.")
    ] = DEFAULT_FILE,
    from_telegraf: Annotated[
        Path | None,
        typer.Option(
            "--from-telegraf",
            metavar="FILE",
            help="Carry over a telegraf.conf with jolokia2_agent or jolokia2_proxy.",
        ),
    ] = None,
    from_jmxtrans: Annotated[
        Path | None,
        typer.Option("--from-jmxtrans", metavar="FILE", help="Carry over a file of jmxtrans."),
    ] = None,
    from_jmx_exporter: Annotated[
        Path | None,
        typer.Option(
            "--from-jmx-exporter",
            metavar="FILE",
            help="Carry over a file of Prometheus' jmx_exporter.",
        ),
    ] = None,
    access: Annotated[
        Path | None,
        typer.Option(
            "--access",
            metavar="FILE",
            help="A file with kafka.tls and kafka.sasl; the new one has them too.",
        ),
    ] = None,
    timeout_s: Annotated[
        float | None,
        typer.Option(
            "--timeout",
            min=1.0,
            metavar="SECONDS",
            help="How long each broker and each JVM may take: 5, or what the file of --access says."
            " The new file has it too.",
        ),
    ] = None,
    zk: ZkOfInit = None,
) -> None:
    """Look at a cluster and write a mbeans.yaml for it: brokers, their JMX ports, what to collect.

    A broker's JMX port is one that a JVM of this machine was started with, or one of those that
    people use, 9999 first: the one whose JVM has the broker's id and the cluster's. A broker whose
    JMX cannot be read is in the file as a comment, with the reason. With --from-telegraf,
    --from-jmxtrans or --from-jmx-exporter the file is made of that tool's file, and what cannot be
    carried over is listed, line by line. A file that is there already is not overwritten. With
    --access the brokers are met as that file says, and are those of it where none are named.

    Exit status 69: no broker answers; 1: nothing of the other tool's file fits.

    Example: jmxbridge init kafka-1:9092
    """
    old = {
        "telegraf": from_telegraf,
        "jmxtrans": from_jmxtrans,
        "jmx-exporter": from_jmx_exporter,
    }
    chosen = [(tool, path) for tool, path in old.items() if path is not None]
    if len(chosen) > 1:
        fail("one file at a time: a second --from-… goes into a second --output", USAGE)
    # Path.exists and is_dir raise in a folder that is closed to this user.
    if str(output) != "-" and os.path.exists(output):
        fail(f"{output} is there already: name another with --output, or - for stdout", USAGE)
    if not os.path.isdir(output.parent):
        fail(f"{output}: there is no directory {output.parent}", USAGE)
    for tool, path in chosen:
        carry_over(tool, path, output, parse(bootstrap) if bootstrap else [])
        return
    look_and_write(cluster_of(bootstrap, access, timeout_s), jmx_port, output)


def carry_over(tool: str, old: Path, output: Path, bootstrap: "Sequence[Address]") -> None:
    """Write the file that another tool's file becomes."""
    from jmxbridge.config.loader import read_text
    from jmxbridge.config.migration import NothingCarried, migrate
    from jmxbridge.config.text.problem import InvalidValue

    with reported():
        text = read_text(old)
    try:
        made = migrate(tool, text, source=old.name, bootstrap=bootstrap)
    except InvalidValue as exc:
        fail(f"{old}: {exc}", CONFIGURATION)
    except NothingCarried as exc:
        for each in exc.left:
            typer.echo(f"{old}:{each}", err=True)
        fail(f"{old}: nothing of it can be carried over", FINDINGS)
    write(output, made.text)
    for each in made.left:
        typer.echo(f"{old}:{each}", err=True)
    if str(output) != "-":
        said = f"{len(made.left)} not carried over" if made.left else "all of it carried over"
        typer.echo(f"{output}: {said}; next: jmxbridge check {output} --connect", err=True)


def write(output: Path, text: str) -> None:
    """Write the file, or stdout, with a first line that leads editors to the schema."""
    from jmxbridge.config.loader import schema_line

    text = schema_line() + text
    if str(output) == "-":
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as exc:
        fail(f"{output}: cannot be written: {exc.strerror}", USAGE)


def look_and_write(kafka: "KafkaSettings", jmx_port: int | None, output: Path) -> None:
    """Write a file for a cluster, and say what could not be reached."""
    from jmxbridge.config.show.new_file import propose

    with reported():
        found = asyncio.run(look(kafka, jmx_port))
    write(output, propose(found))
    if str(output) == "-":
        return
    polled = sum(1 for broker in found.brokers if broker.problem is None)
    typer.echo(
        f"{output}: {polled} of {len(found.brokers)} brokers polled over JMX, lag of"
        f" {len(found.groups)} groups; next: jmxbridge check {output} --connect",
        err=True,
    )
    for broker in found.brokers:
        if broker.problem is not None:
            typer.echo(f"{broker.name}: {broker.problem}", err=True)


def cluster_of(
    bootstrap: str | None, access: Path | None, timeout_s: float | None
) -> "KafkaSettings":
    """Return the cluster to look at: the one named, else the file's; met as the file says."""
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
    """Read the addresses of the command line."""
    from jmxbridge.config.text.problem import InvalidValue
    from jmxbridge.config.values.address import parse_address

    try:
        return [parse_address(each.strip()) for each in bootstrap.split(",")]
    except InvalidValue as exc:
        fail(str(exc), USAGE)


async def look(kafka: "KafkaSettings", jmx_port: int | None) -> "FoundCluster":
    """Ask the cluster for its brokers and groups, and each broker's JVM for its MBeans.

    Raises KafkaUnavailable.
    """
    from jmxbridge.build import make_security
    from jmxbridge.cli.broker_jmx import MANY, Sought, find_jvm
    from jmxbridge.config.show.effective import access
    from jmxbridge.config.show.new_file import FoundCluster
    from jmxbridge.kafka.cluster.cluster import Cluster

    addresses = [(each.host, each.port) for each in kafka.bootstrap]
    security = make_security(kafka, timeout_s=kafka.timeout_s)
    async with Cluster(addresses, timeout_s=kafka.timeout_s, security=security) as cluster:
        brokers = sorted((await cluster.find_brokers()).items())
        snapshot = await cluster.poll()
    turn = asyncio.Semaphore(MANY)
    sought = [Sought(node, host, cluster.cluster_id) for node, (host, _) in brokers]
    found = await asyncio.gather(
        *(find_jvm(each, jmx_port, kafka.timeout_s, turn) for each in sought)
    )
    return FoundCluster(
        kafka.bootstrap,
        found,
        sorted(snapshot.groups),
        sorted(snapshot.end_offsets),
        access(kafka),
    )
