"""The two questions of a login; what is in them is `sasl`'s affair."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar

from jmxbridge.kafka.wire.api_numbers import SASL_AUTHENTICATE, SASL_HANDSHAKE, Api
from jmxbridge.kafka.wire.codec import Request, Schema


@dataclass(frozen=True, slots=True)
class SaslHandshake(Request[tuple[int, tuple[str, ...]]]):
    """May I log in by this mechanism? → error code, the mechanisms there are."""

    api: ClassVar[Api] = SASL_HANDSHAKE
    mechanism: str

    def body(self, schema: Schema) -> Any:
        return schema.make("SaslHandshakeRequest", mechanism=self.mechanism)

    def reply(self, entity: Any) -> tuple[int, tuple[str, ...]]:
        return int(entity.error_code), tuple(entity.mechanisms)


@dataclass(frozen=True, slots=True)
class LoginAnswer:
    """What a broker says to a message of a mechanism, and for how many seconds it lets us in.

    `lifetime_s` None: for as long as we like. `message` is there where `error` is.
    """

    error: int
    message: str | None
    data: bytes = field(repr=False)
    lifetime_s: float | None


@dataclass(frozen=True, slots=True)
class SaslAuthenticate(Request[LoginAnswer]):
    """The next message of a mechanism; its bytes are secret."""

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
