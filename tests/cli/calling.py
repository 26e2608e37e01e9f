"""Commands called in the process of the test."""

from typer.testing import CliRunner, Result

from jmxbridge.cli import app


def call(*args: str) -> Result:
    """Run a command; an exception that is no exit fails the test."""
    result = CliRunner().invoke(app, list(args))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result
