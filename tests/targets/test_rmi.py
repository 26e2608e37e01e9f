"""Our own client as a transport, with a JVM that only says what a test lets it say."""

import logging
from collections.abc import Sequence
from typing import Any

import pytest

from jmxbridge.jmx import Credentials, ObjectName, Tls
from jmxbridge.jmx.values import Value
from jmxbridge.targets import rmi
from jmxbridge.targets.rmi import RmiTransport, is_loopback


class Jvm:
    """A connection to a JVM without MBeans at some address."""

    def __init__(self, peer_host: str) -> None:
        self.peer_host = peer_host

    async def get_mbean_count(self) -> int:
        return 0

    async def get_many(self, wanted: Sequence[Any]) -> list[dict[str, Value]]:
        return []

    async def get_infos(self, names: Sequence[ObjectName]) -> list[Any]:
        return []

    async def query_names(self, pattern: ObjectName | None) -> list[ObjectName]:
        return []

    async def close(self) -> None:
        """There is nothing to close."""


@pytest.mark.parametrize(
    ("peer_host", "options", "said"),
    [
        ("192.0.2.7", {}, "without TLS and without a password"),
        ("192.0.2.7", {"credentials": Credentials("me", "swordfish")}, "password goes over"),
        ("192.0.2.7", {"credentials": Credentials("me", "swordfish"), "tls": Tls()}, None),
        ("192.0.2.7", {"tls": Tls()}, None),
        ("127.0.0.9", {}, None),
        ("::1", {}, None),
    ],
)
async def test_what_goes_over_the_network_unprotected_is_said_once(
    peer_host: str,
    options: dict[str, Any],
    said: str | None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One warning, with the address and without the password, however often it connects."""

    async def connect(*args: Any, **options: Any) -> Jvm:
        return Jvm(peer_host)

    monkeypatch.setattr(rmi, "connect", connect)
    transport = RmiTransport("kafka.example", 9999, clock_s=lambda: 0.0, **options)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            await transport.fetch([])
            await transport.close()
    warnings = [record.getMessage() for record in caplog.records]
    if said is None:
        assert warnings == []
        return
    (warning,) = warnings
    assert said in warning
    assert "kafka.example:9999" in warning
    assert "swordfish" not in warning


def test_what_is_this_machine() -> None:
    """Addresses, with a zone too; an unknown one is not."""
    assert is_loopback("127.0.0.1")
    assert not is_loopback("fe80::1%eth0")
    assert not is_loopback(None)
