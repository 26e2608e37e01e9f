"""Security of connections to a cluster: TLS, and the SASL login.

The order is Kafka's: TLS, then ApiVersions, which a broker answers to anyone, then SaslHandshake,
which names the mechanism, then as many SaslAuthenticate as the mechanism needs (KIP-43, KIP-152). A
broker may limit a session (KIP-368); the connection is replaced before the limit.

Rule: an error of a refused login says what to change, and nothing falls back to less security.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from jmxbridge.jmx.credentials import Tls
from jmxbridge.jmx.errors import ConnectionFailed
from jmxbridge.jmx.net.tls import context, explain
from jmxbridge.kafka.login.sasl import BadChallenge, Conversation, Mechanism
from jmxbridge.kafka.login.sasl_requests import SaslAuthenticate, SaslHandshake
from jmxbridge.kafka.wire.codec import KafkaRequest
from jmxbridge.kafka.wire.error_codes import (
    ILLEGAL_SASL_STATE,
    NONE,
    UNSUPPORTED_SASL_MECHANISM,
    error_name,
)
from jmxbridge.kafka.wire.errors import ConnectFailed, LoginFailed, TlsFailed, VersionMismatch

MAX_STEPS = 10
"""Messages of one login: SCRAM takes two, GSSAPI three; a broker cannot prolong it beyond."""

MAX_REASON = 300
"""Characters shown of a broker's reason for a refused login."""

Ask = Callable[[KafkaRequest[Any]], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Security:
    """TLS and login of every connection to a cluster; None: no TLS, no login."""

    tls: Tls | None = None
    mechanism: Mechanism | None = None

    async def context(self, peer: str) -> ssl.SSLContext | None:
        """Read the TLS files, at each connection, as certificates are renewed; raises TlsFailed."""
        if self.tls is None:
            return None
        try:
            return await asyncio.to_thread(context, self.tls)
        except ConnectionFailed as exc:
            raise TlsFailed(f"{peer}: {exc}") from exc


PLAINTEXT = Security()


def tls_failed(peer: str, exc: OSError) -> TlsFailed:
    """Return the error of a TLS connection that ended."""
    reason = explain(exc, not_tls="kafka.tls says that it does")
    return TlsFailed(f"{peer}: TLS failed: {reason}")


async def log_in(ask: Ask, mechanism: Mechanism, *, peer: str, host: str) -> float | None:
    """Log in; return the session's lifetime in seconds, None for an unlimited one.

    Raises LoginFailed, and what `ask` raises.
    """
    await _shake_hands(ask, mechanism, peer)
    conversation = await mechanism.begin(host)
    challenge: bytes | None = None
    lifetime_s: float | None = None
    for _ in range(MAX_STEPS):
        try:
            # In a thread: a password is hashed some thousand times, or a million.
            message = await asyncio.to_thread(_next, conversation, challenge)
        except BadChallenge as exc:
            raise LoginFailed(f"{peer}: login by {mechanism.name} failed: {exc}") from exc
        if message is None:
            return lifetime_s
        reply = await ask(SaslAuthenticate(message))
        if reply.error != NONE:
            mechanism.refused()
            raise _refused(peer, mechanism, reply.error, reply.message)
        challenge, lifetime_s = reply.data, reply.lifetime_s
    raise LoginFailed(
        f"{peer}: login by {mechanism.name} did not finish within {MAX_STEPS} messages"
    )


def _next(conversation: Conversation, challenge: bytes | None) -> bytes | None:
    try:
        return next(conversation) if challenge is None else conversation.send(challenge)
    except StopIteration:
        return None


async def _shake_hands(ask: Ask, mechanism: Mechanism, peer: str) -> None:
    try:
        error, offered = await ask(SaslHandshake(mechanism.name))
    except VersionMismatch as exc:
        raise ConnectFailed(f"{exc}: SASL needs Kafka 1.0 or newer") from exc
    if error == UNSUPPORTED_SASL_MECHANISM:
        raise LoginFailed(
            f"{peer}: does not offer {mechanism.name}: set kafka.sasl.mechanism to one that it"
            f" offers: {', '.join(offered) or 'nothing'}"
        )
    if error == ILLEGAL_SASL_STATE:
        raise LoginFailed(
            f"{peer}: this listener does not use SASL: remove kafka.sasl, or name the port of a"
            " listener that does"
        )
    if error != NONE:
        raise LoginFailed(f"{peer}: refused {mechanism.name}: {error_name(error)}")


def _refused(peer: str, mechanism: Mechanism, error: int, message: str | None) -> LoginFailed:
    reason = mechanism.redact(" ".join((message or "").split()))[:MAX_REASON]
    return LoginFailed(
        f"{peer}: does not accept the credentials of {mechanism.account} ({mechanism.name}):"
        f" {reason or error_name(error)}"
    )
