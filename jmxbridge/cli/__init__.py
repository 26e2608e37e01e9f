"""The commands. No logic of their own.

Rule: a module here imports nothing heavy at its top. What a command needs it imports when it runs,
so that `--help` and shell completion do not wait for libraries they do not use.
"""

import io
import os
import sys
from typing import Annotated

import typer

from jmxbridge import __version__
from jmxbridge.cli import check, config, dlq, doctor, init, lag, mbeans, once, run, spool
from jmxbridge.cli.exit import UNAVAILABLE

app = typer.Typer(
    name="jmxbridge",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def say_version(wanted: bool) -> None:
    """Print the version and end."""
    if wanted:
        typer.echo(f"jmxbridge {__version__}")
        raise typer.Exit


@app.callback()
def root(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=say_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Kafka's JMX metrics and consumer-group lag side by side in InfluxDB.

    Example: jmxbridge init kafka-1:9092
    """


app.command("init")(init.init)
app.command("run")(run.run)
app.command("once")(once.once)
app.command("check")(check.check)
app.command("doctor")(doctor.doctor)
app.command("lag")(lag.lag)
app.add_typer(mbeans.app, name="mbeans")
app.add_typer(config.app, name="config")
app.add_typer(spool.app, name="spool")
app.add_typer(dlq.app, name="dlq")


def main() -> None:
    """Run the command line; the console script `jmxbridge`.

    A character that stdout has no bytes for is written as its escape, as on stderr.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by who started us; no file of ours may become it
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 # for good
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        app()
    except OSError as error:
        if not _stdout_is_broken():
            raise
        typer.echo(f"error: stdout: {error.strerror}", err=True)
        sys.exit(UNAVAILABLE)


def _stdout_is_broken() -> bool:
    """Whether stdout takes nothing: a full disk. Who asks is about to end for another reason."""
    try:
        sys.stdout.flush()
        os.write(sys.stdout.fileno(), b"\n")  # where nothing is buffered nothing is left to flush
    except OSError:
        # Python would try once more at its end, and say so.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False
