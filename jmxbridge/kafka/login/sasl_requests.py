"""SaslHandshake and SaslAuthenticate: the requests of a login; `sasl.py` makes their payloads."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar

from jmxbridge.kafka.wire.api_numbers import SASL_AUTHENTICATE, SASL_HANDSHAKE, Api
from jmxbridge.kafka.wire.codec import KafkaRequest, Schema


@dataclass(frozen=True, slots=True)
class SaslHandshake(KafkaRequest[tuple[int, tuple[str, ...]]]):
    """Choose a mechanism → error code, the mechanisms the broker offers."""

    api: ClassVar[Api] = SASL_HANDSHAKE
    mechanism: str

    def body(self, schema: Schema) -> Any:
        return schema.make("SaslHandshakeRequest", mechanism=self.mechanism)

    def reply(self, entity: Any) -> tuple[int, tuple[str, ...]]:
        return int(entity.error_code), tuple(entity.mechanisms)


@dataclass(frozen=True, slots=True)
class LoginAnswer:
    """A broker's answer to one message of a mechanism.

    `message` explains an `error`. `lifetime_s` is that of the session, None for an unlimited one.
    """

    error: int
    message: str | None
    data: bytes = field(repr=False)
    lifetime_s: float | None


@dataclass(frozen=True, slots=True)
class SaslAuthenticate(KafkaRequest[LoginAnswer]):
    """Send the next message of a mechanism; its bytes are secret."""

    api: ClassVar[Api] = SASL_AUTHENTICATE
    data: bytes = field(repr=False)

    def body(self, schema: Schema) -> Any:
        return schema.make("SaslAuthenticateRequest", auth_bytes=self.data)

    def reply(self, entity: Any) -> LoginAnswer:
        lifetime: timedelta | None = getattr(entity, "session_lifetime", None)
        return LoginAnswer(
            int(entity.error_code),
            entity.error_message,
            entity.auth_bytes,
            lifetime.total_seconds() if lifetime else None,
        )
