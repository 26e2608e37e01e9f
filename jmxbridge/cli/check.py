"""`jmxbridge check`: problems of a settings file and, with --connect, of its servers."""

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
        bool, typer.Option("--connect", help="Also connect once to every server in the file.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check FILE and print every problem in it at once.

    Warnings are about valid settings that are probably not intended: a set that no target collects,
    a secret in the file, an interval shorter than the polls of the last `jmxbridge run` took.

    With --connect every target is read once with every rule. The report lists the MBeans that each
    rule matches, rules that match none, attributes that look misspelt, and the series of one poll
    by measurement. The lag is polled once, and one line is written to InfluxDB, to the measurement
    jmxbridge_check.

    Exit status 0: the file is valid, possibly with warnings; 78: it is not. With --connect also 1:
    a rule matches nothing, or another finding; 69: a target or the cluster does not answer, or
    InfluxDB does not accept the line.

    Example: jmxbridge check mbeans.yaml --connect
    """
    from jmxbridge.config.text.problem import ConfigError

    try:
        settings = with_last_polls_of_run(load_settings(file))
    except ConfigError as exc:
        if not as_json:
            with reported():
                raise
        problems = [entry(problem) for problem in exc.problems]
        echo_json("check", {"file": str(file), "problems": problems, "warnings": []})
        raise typer.Exit(CONFIGURATION) from None
    result = asyncio.run(preflight(settings)) if connect else None
    if as_json:
        warnings = [entry(warning) for warning in settings.warnings]
        content = {"file": str(file), "problems": [], "warnings": warnings}
        echo_json("check", content | (plain(result) if result else {}))
    else:
        show(settings, result)
    if result is not None:
        exit_with(result)


def with_last_polls_of_run(settings: "Settings") -> "Settings":
    """Add the durations of the polls in the last `run` of the file, if it left them."""
    import os

    from jmxbridge.cli.completion import SERVICE_STATE
    from jmxbridge.config.loader import store_path, with_last_polls
    from jmxbridge.state.poll_times import read

    for environ in (dict(os.environ), SERVICE_STATE):
        durations = read(store_path(settings, environ))
        if durations:
            return with_last_polls(settings, os.environ, durations)
    return settings


def show(settings: "Settings", result: Preflight | None) -> None:
    """Print the summary, then warnings, then the result of --connect."""
    typer.echo(summary(settings))
    for warning in settings.warnings:
        typer.echo(str(warning), err=True)
    if result is not None:
        report(result)


def exit_with(result: Preflight) -> None:
    """Exit with the status of the result, if it has findings."""
    if result.unreachable:
        raise typer.Exit(UNAVAILABLE)
    if result.warnings():
        raise typer.Exit(FINDINGS)


def entry(problem: "Problem") -> dict[str, Any]:
    """Return one problem as JSON; line and column are 0 if it concerns the whole file."""
    return {
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "where": problem.where,
        "message": problem.message,
        "suggestion": problem.suggestion,
    }


def summary(settings: "Settings") -> str:
    """Summarize a file in one line."""
    from jmxbridge.plural import counted

    rules = sum(len(rules) for rules in settings.mbeans.values())
    kafka = settings.kafka
    lag = "no lag poll" if kafka is None else f"lag of {', '.join(map(str, kafka.bootstrap))}"
    influx = settings.influxdb
    sink = "the local store alone" if influx is None else f"{influx.url}, bucket {influx.bucket}"
    discovered = " and the brokers" if settings.discover else ""
    return (
        f"{settings.path}: fine: {counted(len(settings.targets), 'target')}{discovered},"
        f" {counted(rules, 'rule')}, {lag},"
        f" every {settings.interval_s:g} s, into {sink}"
    )
