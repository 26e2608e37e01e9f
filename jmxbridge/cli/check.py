"""`jmxbridge check`: is the file right?"""

from typing import TYPE_CHECKING, Any

import typer

from jmxbridge.cli.arguments import DEFAULT_FILE, File, Json, load_settings
from jmxbridge.cli.outcome import CONFIGURATION, echo_json, reported

if TYPE_CHECKING:
    from jmxbridge.config.models import Settings
    from jmxbridge.config.problem import Problem


def check(file: File = DEFAULT_FILE, as_json: Json = False) -> None:
    """Say what is wrong with FILE, all of it at once; nothing is polled.

    Exit status 0: the file is right; 78: it is not.

    Example: jmxbridge check mbeans.yaml
    """
    from jmxbridge.config.problem import ConfigError

    if not as_json:
        with reported():
            typer.echo(summary(load_settings(file)))
        return
    try:
        load_settings(file)
    except ConfigError as exc:
        echo_json("check", {"file": str(file), "problems": [entry(each) for each in exc.problems]})
        raise typer.Exit(CONFIGURATION) from None
    echo_json("check", {"file": str(file), "problems": []})


def entry(problem: "Problem") -> dict[str, Any]:
    """One problem as JSON; line and column are 0 where the file as a whole is meant."""
    return {
        "line": problem.line,
        "column": problem.column,
        "where": problem.where,
        "message": problem.message,
        "suggestion": problem.suggestion,
    }


def summary(settings: "Settings") -> str:
    """Say in one line what a file asks for."""
    rules = sum(len(rules) for rules in settings.mbeans.values())
    kafka = settings.kafka
    lag = "no lag poll" if kafka is None else f"lag of {', '.join(map(str, kafka.bootstrap))}"
    influx = settings.influxdb
    sink = "the local store alone" if influx is None else f"{influx.url}, bucket {influx.bucket}"
    return (
        f"{settings.path}: fine: {len(settings.targets)} targets, {rules} rules, {lag},"
        f" every {settings.interval_s:g} s, into {sink}"
    )
