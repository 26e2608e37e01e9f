"""How a command ends: its exit status, and one clear message for what went wrong.

Statuses are those of sysexits(3) where it has one: 0 fine, 1 findings, 2 usage (typer's own),
69 unavailable, 78 configuration. Data goes to stdout, everything said about it to stderr.
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
    """Say what went wrong and end the command."""
    typer.echo(message, err=True)
    raise typer.Exit(status)


@contextmanager
def reported() -> Iterator[None]:
    """Turn the errors that users can do something about into a message and a status."""
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
    """Make a report: what it is, the version of its form, then its content."""
    return {"kind": kind, "version": JSON_VERSION, **content}


def echo_json(kind: str, content: dict[str, Any]) -> None:
    """Print one report as JSON."""
    typer.echo(json.dumps(document(kind, content), indent=2))
