"""`jmxbridge check`: is the file right, and does it find what it names?"""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jmxbridge.cli.arguments import DEFAULT_FILE, File, Json, load_settings
from jmxbridge.cli.exit import CONFIGURATION, FINDINGS, UNAVAILABLE, echo_json, reported
from jmxbridge.cli.preflight import Preflight, plain, preflight, report

if TYPE_CHECKING:
    from jmxbridge.config.model.models import Settings
    from jmxbridge.config.text.problem import Problem


def check(
    file: File = DEFAULT_FILE,
    connect: Annotated[
        bool, typer.Option("--connect", help="Also meet every server of the file, once.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Say what is wrong with FILE, all of it at once.

    What works and is probably not meant is a warning: a set nobody collects, a secret in the file,
    an interval shorter than the polls of the last `jmxbridge run` took.

    With --connect every target is read once, with every rule: what each rule takes, rules that
    take nothing, attributes that look misspelt, the series of a poll by measurement; the lag is
    polled once; and InfluxDB is given one line, in the measurement jmxbridge_check.

    Exit status 0: the file is right, maybe with warnings; 78: it is not. With --connect also 1: a
    rule takes nothing, or something else to mind; 69: a target or the cluster does not answer, or
    InfluxDB does not take the line.

    Example: jmxbridge check mbeans.yaml --connect
    """
    from jmxbridge.config.text.problem import ConfigError

    try:
        settings = remembered(load_settings(file))
    except ConfigError as exc:
        if not as_json:
            with reported():
                raise
        problems = [entry(each) for each in exc.problems]
        echo_json("check", {"file": str(file), "problems": problems, "warnings": []})
        raise typer.Exit(CONFIGURATION) from None
    found = asyncio.run(preflight(settings)) if connect else None
    if as_json:
        warnings = [entry(each) for each in settings.warnings]
        content = {"file": str(file), "problems": [], "warnings": warnings}
        echo_json("check", content | (plain(found) if found else {}))
    else:
        say(settings, found)
    if found is not None:
        end(found)


def remembered(settings: "Settings") -> "Settings":
    """Add what the last `run` of the file knows of how long its polls take."""
    import os

    from jmxbridge.cli.completion import SERVICE_STATE
    from jmxbridge.config.loader import store_path, with_last_polls
    from jmxbridge.state.poll_times import read

    for environ in (dict(os.environ), SERVICE_STATE):
        took = read(store_path(settings, environ))
        if took:
            return with_last_polls(settings, os.environ, took)
    return settings


def say(settings: "Settings", found: Preflight | None) -> None:
    """Print the summary, then warnings, then what was met."""
    typer.echo(summary(settings))
    for warning in settings.warnings:
        typer.echo(str(warning), err=True)
    if found is not None:
        report(found)


def end(found: Preflight) -> None:
    """End with the status of what was met."""
    if found.unreachable:
        raise typer.Exit(UNAVAILABLE)
    if found.warnings():
        raise typer.Exit(FINDINGS)


def entry(problem: "Problem") -> dict[str, Any]:
    """One problem as JSON; line and column are 0 where the file as a whole is meant."""
    return {
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "where": problem.where,
        "message": problem.message,
        "suggestion": problem.suggestion,
    }


def summary(settings: "Settings") -> str:
    """Say in one line what a file asks for."""
    from jmxbridge.plural import counted

    rules = sum(len(rules) for rules in settings.mbeans.values())
    kafka = settings.kafka
    lag = "no lag poll" if kafka is None else f"lag of {', '.join(map(str, kafka.bootstrap))}"
    influx = settings.influxdb
    sink = "the local store alone" if influx is None else f"{influx.url}, bucket {influx.bucket}"
    found = " and the brokers" if settings.discover else ""
    return (
        f"{settings.path}: fine: {counted(len(settings.targets), 'target')}{found},"
        f" {counted(rules, 'rule')}, {lag},"
        f" every {settings.interval_s:g} s, into {sink}"
    )
