"""JmxqueryTransport: failures of the jmxquery package become errors.

The package is replaced by one that fails on command; tests/real/test_targets.py has the real one.
"""

import logging
import subprocess
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import jmxquery
import pytest

from jmxbridge.jmx import Composite, ConnectionFailed, JmxError, ObjectName
from jmxbridge.mbeans.rule import Field, Rule
from jmxbridge.transports.jmxquery import JmxqueryTransport, address

MEMORY = ObjectName.parse("java.lang:type=Memory")
RULE = Rule("test", (MEMORY,), "m", {}, (Field("HeapMemoryUsage", ("used",), "used"),))
TRACE = b"Exception in thread main\n\tat x\nCaused by: java.net.ConnectException: refused\n\tat y\n"

Query = Callable[..., list[Any]]


def row(attribute: str, key: str | None, value: object) -> SimpleNamespace:
    return SimpleNamespace(
        mBeanName=MEMORY.text, attribute=attribute, attributeKey=key, value=value
    )


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> Callable[[Query], None]:
    """Replace the query of the package by a function."""

    def answer(query: Query) -> None:
        connection = SimpleNamespace(query=query)
        monkeypatch.setattr(jmxquery, "JMXConnection", lambda url: connection)

    return answer


def raising(error: Exception) -> Query:
    def query(*args: object, **options: object) -> list[Any]:
        raise error

    return query


@pytest.mark.parametrize(
    ("error", "word", "words"),
    [
        (FileNotFoundError("java"), "java_missing", "needs Java on this machine"),
        (OSError(7, "Argument list too long", "java"), "java_failed", "too long; collect less"),
        (PermissionError(13, "Permission denied", "java"), "java_failed", "denied; leave `trans"),
        (subprocess.CalledProcessError(1, "java", stderr=TRACE), "unreachable", "refused"),
        (subprocess.CalledProcessError(1, "java"), "unreachable", "without a message"),
        (AttributeError("'NoneType' has no 'decode'"), "timeout", "did not answer within 60 s"),
        (ValueError("no JSON"), "jmx", "something other than JSON"),
    ],
)
async def test_fetch_turns_failures_of_the_package_into_errors(
    error: Exception, word: str, words: str, package: Callable[[Query], None]
) -> None:
    """Each has its class and message; none has the command line, which may be long."""
    package(raising(error))
    transport = JmxqueryTransport("127.0.0.1", 9999, timeout_s=60.0)
    with pytest.raises(JmxError, match=words) as caught:
        await transport.fetch([RULE])
    assert caught.value.error_class == word
    await transport.close()


async def test_fetch_takes_an_empty_answer_at_the_timeout_for_an_error(
    package: Callable[[Query], None],
) -> None:
    """The package returns an empty list at its timeout; that is no JVM without MBeans."""
    package(lambda *args, **options: [])
    transport = JmxqueryTransport("127.0.0.1", 9999, timeout_s=0.0)
    with pytest.raises(ConnectionFailed) as caught:
        await transport.fetch([RULE])
    assert caught.value.error_class == "timeout"
    await transport.close()


async def test_fetch_joins_the_items_of_a_composite(package: Callable[[Query], None]) -> None:
    """The package has a row for each item; attributes of other rules are left to those."""
    package(
        lambda *args, **options: [
            row("HeapMemoryUsage", "used", 1),
            row("HeapMemoryUsage", "max", 2),
            row("Verbose", None, False),
        ]
    )
    transport = JmxqueryTransport("127.0.0.1", 9999, timeout_s=60.0)
    (reading,) = await transport.fetch([RULE])
    assert reading.values == {"HeapMemoryUsage": Composite({"used": 1, "max": 2})}
    assert await transport.fetch([]) == []
    await transport.close()


@pytest.mark.parametrize(("host", "warnings"), [("192.0.2.7", 1), ("127.0.0.1", 0)])
async def test_jmxquery_transport_warns_once_of_an_unprotected_connection(
    host: str,
    warnings: int,
    package: Callable[[Query], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One warning, with the address; none on this machine."""
    package(lambda *args, **options: [row("Verbose", None, False)])
    transport = JmxqueryTransport(host, 9999, timeout_s=60.0)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            await transport.fetch([RULE])
    assert len(caplog.messages) == warnings
    for message in caplog.messages:
        assert f"{host}:9999" in message
        assert "without a password" in message
    await transport.close()


def test_address_of_an_unknown_host_is_none() -> None:
    """It may be anywhere, so it is not taken for this machine."""
    assert address("no-such-host.invalid") is None
