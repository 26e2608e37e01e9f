"""The commands. No logic of their own.

Rule: a module here imports nothing heavy at its top. What a command needs it imports when it runs,
so that `--help` and shell completion do not wait for libraries they do not use.
"""

import typer

from jmxbridge.cli import check, config, dlq, doctor, init, lag, mbeans, once, run, spool

app = typer.Typer(
    name="jmxbridge",
    help="Kafka's JMX metrics and consumer-group lag side by side in InfluxDB.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
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
    """Run the command line; the console script `jmxbridge`."""
    app()
