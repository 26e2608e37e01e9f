"""`jmxbridge doctor`: problems of this machine and its servers, and how to fix them."""

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jmxbridge.cli.arguments import DEFAULT_FILE, Json
from jmxbridge.cli.exit import CONFIGURATION, FINDINGS, echo_json

if TYPE_CHECKING:
    from jmxbridge.doctor.finding import Area


def doctor(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="The settings file.  [mbeans.yaml, if it exists]"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Examine this machine and the servers in FILE.

    Each problem is printed on a line: where, what, and how to fix it.

    With FILE it examines the file, the JMX port and login of each target, each broker at its
    advertised address, the bridge's permissions in Kafka, InfluxDB and its clock, the store and its
    disk, and the limit of open files. Without FILE: clock and systemd. One line is written to
    InfluxDB, to the measurement jmxbridge_check; nothing else is changed.

    Exit status 0: no problem; 1: problems; 78: the file cannot be used.

    Example: jmxbridge doctor mbeans.yaml
    """
    from jmxbridge.doctor.examination import examine

    if file is None and os.path.exists(DEFAULT_FILE):  # Path.exists raises without access
        file = DEFAULT_FILE
    areas = asyncio.run(examine(file, os.environ))
    if as_json:
        echo_json("doctor", {"file": file and str(file), "areas": [entry(area) for area in areas]})
    else:
        show(areas)
    if any(area.name == "file" and area.findings for area in areas):
        raise typer.Exit(CONFIGURATION)
    if any(area.findings for area in areas):
        raise typer.Exit(FINDINGS)


def show(areas: "list[Area]") -> None:
    """Print one finding a line on stdout, and the notes of each area on stderr."""
    for area in areas:
        for finding in area.findings:
            typer.echo(f"{area.name}: {finding}")
    for area in areas:
        notes = "; ".join(area.notes) or ("" if area.findings else "fine")
        if notes:
            typer.echo(f"{area.name}: {notes}", err=True)


def entry(area: "Area") -> dict[str, Any]:
    """Return one area as JSON."""
    return {
        "name": area.name,
        "findings": [
            {"where": finding.where, "problem": finding.problem, "mend": finding.fix}
            for finding in area.findings
        ],
        "notes": list(area.notes),
    }
