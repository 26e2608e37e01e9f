"""Command line: the commands, without logic of their own.

Rule: a module here imports nothing heavy at its top. A command imports the libraries it needs when
it runs, so that `--help` and shell completion do not wait for libraries they do not use.
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


def print_version(wanted: bool) -> None:
    """Print the version and exit, if the option was given."""
    if wanted:
        typer.echo(f"jmxbridge {__version__}")
        raise typer.Exit


@app.callback()
def root(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Collect Kafka's JMX metrics and consumer-group lag, and write both to InfluxDB.

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

    A character that the encoding of stdout does not have is escaped, as on stderr.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by our parent; no file may take its number
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 # stays open
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
    """Tell whether stdout cannot be written, as on a full disk; called after another error."""
    try:
        sys.stdout.flush()
        os.write(sys.stdout.fileno(), b"\n")  # an empty buffer has nothing to flush
    except OSError:
        # Python flushes again at exit, and would print an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False
