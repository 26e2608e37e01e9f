"""How a broker is met: in the clear or by TLS, and who we say we are (SASL).

The order is Kafka's: TLS, then ApiVersions, which a broker answers to anybody, then SaslHandshake,
which names the mechanism, then as many SaslAuthenticate as that takes (KIP-43, KIP-152). A broker
that lets us in may say for how long (KIP-368); before that time is over the connection is replaced.

Rule: what refuses us says what to change, and nothing falls back to less.
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
from jmxbridge.kafka.wire.codec import Request
from jmxbridge.kafka.wire.error_codes import (
    ILLEGAL_SASL_STATE,
    NONE,
    UNSUPPORTED_SASL_MECHANISM,
    error_name,
)
from jmxbridge.kafka.wire.errors import ConnectFailed, LoginFailed, TlsFailed, VersionMismatch

MAX_STEPS = 10
"""Messages of one conversation: SCRAM takes two, GSSAPI three, and nobody keeps us talking."""

MAX_SAID = 300
"""Characters shown of what a broker says about a refused login."""

Ask = Callable[[Request[Any]], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Security:
    """What holds for every connection to a cluster; None: in the clear, and nobody."""

    tls: Tls | None = None
    mechanism: Mechanism | None = None

    async def context(self, peer: str) -> ssl.SSLContext | None:
        """Read the files of TLS, each time, for certificates are renewed; raises TlsFailed."""
        if self.tls is None:
            return None
        try:
            return await asyncio.to_thread(context, self.tls)
        except ConnectionFailed as exc:
            raise TlsFailed(f"{peer}: {exc}") from exc


NOTHING = Security()


def tls_failed(peer: str, exc: OSError) -> TlsFailed:
    """Say why TLS with a broker ended."""
    said = explain(exc, not_tls="kafka.tls says that it does")
    return TlsFailed(f"{peer}: TLS failed: {said}")


async def log_in(ask: Ask, mechanism: Mechanism, *, peer: str, host: str) -> float | None:
    """Log in by asking; return for how many seconds that holds, None for as long as we like.

    Raises LoginFailed, and what `ask` raises.
    """
    await _shake_hands(ask, mechanism, peer)
    conversation = await mechanism.begin(host)
    said: bytes | None = None
    lifetime_s: float | None = None
    for _ in range(MAX_STEPS):
        try:
            # In a thread: a password is hashed some thousand times, or a million.
            message = await asyncio.to_thread(_next, conversation, said)
        except BadChallenge as exc:
            raise LoginFailed(f"{peer}: {mechanism.name} broke off: {exc}") from exc
        if message is None:
            return lifetime_s
        reply = await ask(SaslAuthenticate(message))
        if reply.error != NONE:
            mechanism.refused()
            raise _refused(peer, mechanism, reply.error, reply.message)
        said, lifetime_s = reply.data, reply.lifetime_s
    raise LoginFailed(f"{peer}: {mechanism.name} came to no end in {MAX_STEPS} messages")


def _next(conversation: Conversation, said: bytes | None) -> bytes | None:
    try:
        return next(conversation) if said is None else conversation.send(said)
    except StopIteration:
        return None


async def _shake_hands(ask: Ask, mechanism: Mechanism, peer: str) -> None:
    try:
        error, offered = await ask(SaslHandshake(mechanism.name))
    except VersionMismatch as exc:
        raise ConnectFailed(f"{exc}: SASL needs Kafka 1.0 or newer") from exc
    if error == UNSUPPORTED_SASL_MECHANISM:
        raise LoginFailed(
            f"{peer}: does not offer {mechanism.name}: set kafka.sasl.mechanism to one of what it"
            f" does: {', '.join(offered) or 'nothing'}"
        )
    if error == ILLEGAL_SASL_STATE:
        raise LoginFailed(
            f"{peer}: this listener wants no SASL: leave kafka.sasl out, or name the port of a"
            " listener that does"
        )
    if error != NONE:
        raise LoginFailed(f"{peer}: refused {mechanism.name}: {error_name(error)}")


def _refused(peer: str, mechanism: Mechanism, error: int, message: str | None) -> LoginFailed:
    words = mechanism.blank(" ".join((message or "").split()))[:MAX_SAID] or error_name(error)
    return LoginFailed(
        f"{peer}: does not accept the credentials of {mechanism.who} ({mechanism.name}): {words}"
    )
