"""`jmxbridge doctor`: what is wrong on this machine, and how to mend it."""

import asyncio
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jmxbridge.cli.arguments import DEFAULT_FILE, Json
from jmxbridge.cli.exit import CONFIGURATION, FINDINGS, echo_json

if TYPE_CHECKING:
    from jmxbridge.doctor.finding import Area


def doctor(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="The settings file.  [mbeans.yaml, if there is one]"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Print each thing that is wrong on this machine: what, where, and how to mend it.

    With FILE: the file itself, the JMX port of each target and its login, each broker at the
    address it advertises, our rights in Kafka, InfluxDB and its clock, the store and its disk, the
    limit of open files. Without: clock and systemd. InfluxDB is given one line, in the measurement
    jmxbridge_check; nothing else is changed.

    Exit status 0: nothing; 1: something; 78: the file cannot be used.

    Example: jmxbridge doctor mbeans.yaml
    """
    from jmxbridge.doctor.examination import examine

    if file is None and os.path.exists(DEFAULT_FILE):  # in a closed folder Path.exists raises
        file = DEFAULT_FILE
    areas = asyncio.run(examine(file, os.environ))
    if as_json:
        echo_json("doctor", {"file": file and str(file), "areas": [asdict(each) for each in areas]})
    else:
        show(areas)
    if any(each.name == "file" and each.findings for each in areas):
        raise typer.Exit(CONFIGURATION)
    if any(each.findings for each in areas):
        raise typer.Exit(FINDINGS)


def show(areas: "list[Area]") -> None:
    """Print one finding a line on stdout, and on stderr what else was seen."""
    for area in areas:
        for finding in area.findings:
            typer.echo(f"{area.name}: {finding}")
    for area in areas:
        words = "; ".join(area.notes) or ("" if area.findings else "fine")
        if words:
            typer.echo(f"{area.name}: {words}", err=True)
