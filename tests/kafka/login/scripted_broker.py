"""The broker's side of a login, scripted."""

from collections.abc import Callable
from typing import Any

from jmxbridge.kafka.login.sasl import Mechanism
from jmxbridge.kafka.login.sasl_requests import LoginAnswer, SaslAuthenticate, SaslHandshake
from jmxbridge.kafka.login.security import log_in

PASSWORD = "swordfish"  # noqa: S105 - of no account
SCRAMS = ("SCRAM-SHA-256", "SCRAM-SHA-512")
GOOD = LoginAnswer(0, None, b"", None)

Reply = Callable[[bytes], LoginAnswer]


class ScriptedBroker:
    """Answers each message by `reply`; `heard` has the mechanism and all messages."""

    def __init__(self, reply: Reply, *, handshake: tuple[int, tuple[str, ...]] = (0, ())) -> None:
        self.heard: list[Any] = []
        self._reply = reply
        self._handshake = handshake

    async def ask(self, request: Any) -> Any:
        """Answer as a connection does."""
        if isinstance(request, SaslHandshake):
            self.heard.append(request.mechanism)
            return self._handshake
        assert isinstance(request, SaslAuthenticate)
        self.heard.append(request.data)
        return self._reply(request.data)


async def enter(broker: ScriptedBroker, mechanism: Mechanism) -> float | None:
    """Log in at kafka-1."""
    return await log_in(broker.ask, mechanism, peer="kafka-1:9092", host="kafka-1")
