"""SASL mechanisms: the messages that each exchanges with a broker.

No I/O, except where a token comes from. A conversation is a generator: it yields the messages to
send, receives the broker's answers, and ends when the mechanism has nothing more to send. Whether
the login is accepted is decided by the broker, not by the conversation; only in SCRAM must the
broker prove that it knows the password, too.

Rule: no password and no token appears in any text that is shown; `redact` removes them from what a
broker answers.
"""

import asyncio
import importlib
from collections.abc import Awaitable, Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any, TypeAlias

from jmxbridge.kafka.login.token import TokenSource

Conversation: TypeAlias = Generator[bytes, bytes, None]


class BadChallenge(ValueError):
    """The broker sent what the mechanism does not allow."""


@dataclass(frozen=True, slots=True)
class Mechanism:
    """One way to log in.

    `name` is Kafka's name for it, `account` describes the account to people. `begin` starts a
    conversation with the broker at a host; it raises LoginFailed, and the conversation raises
    BadChallenge. `refused` is called when a broker refused the login.
    """

    name: str
    account: str
    begin: Callable[[str], Awaitable[Conversation]]
    redact: Callable[[str], str]
    refused: Callable[[], None] = lambda: None


def plain(username: str, password: Callable[[], str]) -> Mechanism:
    """Return PLAIN: user name and password in clear text, RFC 4616.

    `password` is called in a thread, at each login.
    """
    passwords = _Passwords(password)

    def converse(current: str) -> Conversation:
        yield f"\0{username}\0{current}".encode()

    async def begin(_: str) -> Conversation:
        return converse(await passwords.current())

    return Mechanism("PLAIN", f"user {username!r}", begin, passwords.redact)


def scram(name: str, username: str, password: Callable[[], str]) -> Mechanism:
    """Return SCRAM-SHA-256 or SCRAM-SHA-512: both sides prove the password, RFC 5802.

    `password` is called in a thread, at each login.
    """
    passwords = _Passwords(password)

    def converse(current: str) -> Conversation:
        import scramp  # takes a tenth of a second, so only where it is used

        try:
            client = scramp.ScramClient([name], username, current)
            client.set_server_first(_text((yield client.get_client_first().encode())))
            client.set_server_final(_text((yield client.get_client_final().encode())))
        except scramp.ScramException as exc:
            raise BadChallenge(str(exc)) from exc

    async def begin(_: str) -> Conversation:
        return converse(await passwords.current())

    return Mechanism(name, f"user {username!r}", begin, passwords.redact)


def oauthbearer(tokens: TokenSource, account: str) -> Mechanism:
    """Return OAUTHBEARER: a token that a third party issued, RFC 7628."""

    def converse(token: str) -> Conversation:
        refusal = yield f"n,,\x01auth=Bearer {token}\x01\x01".encode()
        if refusal:
            # The failure itself comes in answer to this, section 3.2.3.
            yield b"\x01"

    async def begin(_: str) -> Conversation:
        return converse(await tokens.token())

    return Mechanism("OAUTHBEARER", account, begin, tokens.redact, tokens.forget)


def gssapi(service: str, principal: str | None, keytab: Path | None) -> Mechanism:
    """Return GSSAPI: a Kerberos ticket, RFC 4752, without a security layer, which TLS provides.

    `service` is the first part of the brokers' principal; the second is the host as it was
    configured. `principal` and `keytab` identify us; without them the ticket cache of this process
    does, or its KRB5_CLIENT_KTNAME. The package is an extra, `jmxbridge[gssapi]`.
    """

    # A cache of our own: that of the process may hold tickets of another account.
    store = {"client_keytab": str(keytab), "ccache": f"MEMORY:{token_hex(8)}"} if keytab else None
    account = (
        f"{repr(principal) if principal else 'the principal'} in {keytab or 'the ticket cache'}"
    )

    def converse(host: str) -> Conversation:
        try:
            kerberos = importlib.import_module("gssapi")
        except ImportError as exc:
            raise BadChallenge(
                "it needs one more package: pip install 'jmxbridge[gssapi]', and the library of"
                " MIT Kerberos"
            ) from exc
        try:
            name = kerberos.Name(f"{service}@{host}", kerberos.NameType.hostbased_service)
            credentials = _credentials(kerberos, principal, store)
            context = kerberos.SecurityContext(name=name, creds=credentials, usage="initiate")
            challenge: bytes | None = None
            while not context.complete:
                challenge = yield context.step(challenge) or b""
            offer = context.unwrap(challenge or b"").message
            if len(offer) != 4 or not offer[0] & _NO_LAYER:
                raise BadChallenge("it requires a security layer; jmxbridge leaves that to TLS")
            yield context.wrap(bytes((_NO_LAYER, 0, 0, 0)), False).message
        except kerberos.exceptions.GSSError as exc:
            raise BadChallenge(f"as {account}: {' '.join(str(exc).split())}") from exc

    async def begin(host: str) -> Conversation:
        return converse(host)

    return Mechanism("GSSAPI", account, begin, str)


_NO_LAYER = 1  # RFC 4752, section 3.3


def _credentials(kerberos: Any, principal: str | None, store: Mapping[str, str] | None) -> Any:
    """Return our credentials; None for those in the ticket cache."""
    if principal is None and store is None:
        return None
    kind = kerberos.NameType.kerberos_principal
    return kerberos.Credentials(
        name=None if principal is None else kerberos.Name(principal, kind),
        usage="initiate",
        store=store,
    )


class _Passwords:
    """Passwords of one account, one after the other: each login takes the current one."""

    def __init__(self, password: Callable[[], str]) -> None:
        self._password = password
        self._used: set[str] = set()

    async def current(self) -> str:
        password = await asyncio.to_thread(self._password)
        self._used.add(password)
        return password

    def redact(self, text: str) -> str:
        """Replace every password that a login has used; one may still be under way."""
        for password in self._used:
            text = text.replace(password, "***")
        return text


def _text(challenge: bytes) -> str:
    try:
        return challenge.decode()
    except UnicodeDecodeError as exc:
        raise BadChallenge("its answer is not text") from exc
