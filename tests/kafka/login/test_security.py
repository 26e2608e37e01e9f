"""log_in: the steps of a login, and errors that say what to change."""

from typing import Any

import pytest

from jmxbridge.kafka.login.sasl import (
    Conversation,
    Mechanism,
    plain,
    scram,
)
from jmxbridge.kafka.login.sasl_requests import LoginAnswer
from jmxbridge.kafka.login.security import MAX_STEPS, log_in
from jmxbridge.kafka.wire.errors import ConnectFailed, LoginFailed, VersionMismatch
from tests.kafka.login.scripted_broker import GOOD, PASSWORD, SCRAMS, ScriptedBroker, enter


@pytest.mark.parametrize("name", ["PLAIN", *SCRAMS])
async def test_log_in_reports_a_wrong_password_without_showing_it(name: str) -> None:
    """Broker, user and mechanism are named, with the reason of the broker, redacted."""
    reason = f"no\nentry  with {PASSWORD}"
    broker = ScriptedBroker(lambda _: LoginAnswer(58, reason, b"", None))
    mechanism = (
        plain("ann", lambda: PASSWORD) if name == "PLAIN" else scram(name, "ann", lambda: PASSWORD)
    )

    with pytest.raises(LoginFailed) as caught:
        await enter(broker, mechanism)

    assert str(caught.value) == (
        f"kafka-1:9092: does not accept the credentials of user 'ann' ({name}): no entry with ***"
    )


async def test_log_in_names_the_mechanisms_offered() -> None:
    """The message says what to set instead."""
    broker = ScriptedBroker(lambda _: GOOD, handshake=(33, ("SCRAM-SHA-512", "GSSAPI")))

    with pytest.raises(LoginFailed, match=r"does not offer PLAIN: .*: SCRAM-SHA-512, GSSAPI"):
        await enter(broker, plain("ann", lambda: PASSWORD))

    assert broker.heard == ["PLAIN"]


async def test_log_in_reports_a_listener_without_sasl() -> None:
    """It answers the handshake with error 34."""
    broker = ScriptedBroker(lambda _: GOOD, handshake=(34, ()))

    with pytest.raises(LoginFailed, match=r"this listener does not use SASL: remove kafka\.sasl"):
        await enter(broker, plain("ann", lambda: PASSWORD))


async def test_log_in_reports_a_broker_that_is_too_old() -> None:
    """Before 1.0 no request carries the bytes of a mechanism."""

    async def ask(request: Any) -> Any:
        raise VersionMismatch("kafka-1:9092: it does not offer SaslHandshake")

    with pytest.raises(ConnectFailed, match=r"SASL needs Kafka 1\.0"):
        await log_in(ask, plain("ann", lambda: PASSWORD), peer="kafka-1:9092", host="kafka-1")


async def test_log_in_limits_the_number_of_messages() -> None:
    """A conversation that does not end is ended."""

    def talk() -> Conversation:
        while True:
            yield b"and then?"

    async def begin(_: str) -> Conversation:
        return talk()

    broker = ScriptedBroker(lambda _: GOOD)
    with pytest.raises(LoginFailed, match="did not finish"):
        await enter(broker, Mechanism("TALK", "nobody", begin, str))

    assert len(broker.heard) == 1 + MAX_STEPS


async def test_log_in_returns_the_session_lifetime() -> None:
    """KIP-368: seconds until the broker wants the next login."""
    broker = ScriptedBroker(lambda _: LoginAnswer(0, None, b"", 90.0))

    assert await enter(broker, plain("ann", lambda: PASSWORD)) == 90.0
