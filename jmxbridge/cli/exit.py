"""Exit statuses and error messages of the commands.

Statuses follow sysexits(3) where it has one: 0 success, 1 findings, 2 usage (typer's own),
69 unavailable, 78 configuration. Data goes to stdout, messages about it to stderr.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import typer

FINDINGS = 1
USAGE = 2
UNAVAILABLE = 69
CONFIGURATION = 78

JSON_VERSION = 1


def fail(message: str, status: int) -> NoReturn:
    """Print a message and exit."""
    typer.echo(message, err=True)
    raise typer.Exit(status)


@contextmanager
def reported() -> Iterator[None]:
    """Convert the errors that a user can fix to a message and an exit status."""
    from jmxbridge.config.text.problem import ConfigError
    from jmxbridge.jmx.errors import JmxError
    from jmxbridge.kafka.wire.errors import KafkaError
    from jmxbridge.store.errors import StoreError

    try:
        yield
    except ConfigError as exc:
        fail(str(exc), CONFIGURATION)
    except (JmxError, KafkaError, StoreError) as exc:
        fail(f"error: {exc}", UNAVAILABLE)


def document(kind: str, content: dict[str, Any]) -> dict[str, Any]:
    """Make a JSON report: its kind, the version of its format, then its content."""
    return {"kind": kind, "version": JSON_VERSION, **content}


def echo_json(kind: str, content: dict[str, Any]) -> None:
    """Print one report as JSON."""
    typer.echo(json.dumps(document(kind, content), indent=2))
