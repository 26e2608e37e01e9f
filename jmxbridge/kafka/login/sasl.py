"""What each SASL mechanism says to a broker, without I/O but for where a token comes from.

A conversation is a generator: it yields what is sent and is sent what came back; when it ends, all
is said that the mechanism has to say. Whether we are let in is the broker's word, not the
conversation's, but for SCRAM, in which the broker has to prove that it knows the password too.

Rule: no password, and no token, is in anything that is shown; `blank` takes them out of what a
broker says.
"""

import importlib
from collections.abc import Awaitable, Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any, TypeAlias

from jmxbridge.kafka.login.token import TokenSource

Conversation: TypeAlias = Generator[bytes, bytes, None]


class BadChallenge(ValueError):
    """The broker said what the mechanism does not allow."""


@dataclass(frozen=True, slots=True)
class Mechanism:
    """One way to log in.

    `name` is Kafka's for it, `who` what a person calls the account. `begin` makes a conversation
    with the broker at a host; it raises LoginFailed, and the conversation BadChallenge. `refused`
    is called when a broker did not let us in.
    """

    name: str
    who: str
    begin: Callable[[str], Awaitable[Conversation]]
    blank: Callable[[str], str]
    refused: Callable[[], None] = lambda: None


def plain(username: str, password: str) -> Mechanism:
    """User name and password as they are, RFC 4616."""

    def talk() -> Conversation:
        yield f"\0{username}\0{password}".encode()

    async def begin(_: str) -> Conversation:
        return talk()

    return Mechanism("PLAIN", f"user {username!r}", begin, _without(password))


def scram(name: str, username: str, password: str) -> Mechanism:
    """A proof that both know the password, RFC 5802; `name` is SCRAM-SHA-256 or SCRAM-SHA-512."""

    def talk() -> Conversation:
        import scramp  # a tenth of a second that only those pay who use it

        try:
            client = scramp.ScramClient([name], username, password)
            client.set_server_first(_text((yield client.get_client_first().encode())))
            client.set_server_final(_text((yield client.get_client_final().encode())))
        except scramp.ScramException as exc:
            raise BadChallenge(str(exc)) from exc

    async def begin(_: str) -> Conversation:
        return talk()

    return Mechanism(name, f"user {username!r}", begin, _without(password))


def oauthbearer(tokens: TokenSource, who: str) -> Mechanism:
    """A token that somebody else gave us, RFC 7628."""

    def talk(token: str) -> Conversation:
        complaint = yield f"n,,\x01auth=Bearer {token}\x01\x01".encode()
        if complaint:
            # The failure itself comes in answer to this, section 3.2.3.
            yield b"\x01"

    async def begin(_: str) -> Conversation:
        return talk(await tokens.token())

    return Mechanism("OAUTHBEARER", who, begin, tokens.blank, tokens.forget)


def gssapi(service: str, principal: str | None, keytab: Path | None) -> Mechanism:
    """A ticket of Kerberos, RFC 4752, without a layer of its own: that is TLS's affair.

    `service` is the first part of the brokers' principal, the second is the host as we call it.
    `principal` and `keytab` say who we are; without them the ticket cache of this process does,
    or its KRB5_CLIENT_KTNAME. The package is an extra, `jmxbridge[gssapi]`.
    """

    # Of our own: in the cache of the process there may be tickets of another account.
    store = {"client_keytab": str(keytab), "ccache": f"MEMORY:{token_hex(8)}"} if keytab else None
    who = f"{repr(principal) if principal else 'who is'} in {keytab or 'the ticket cache'}"

    def talk(host: str) -> Conversation:
        try:
            kerberos = importlib.import_module("gssapi")
        except ImportError as exc:
            raise BadChallenge(
                "it needs one more package: pip install 'jmxbridge[gssapi]', and the library of"
                " MIT Kerberos"
            ) from exc
        try:
            name = kerberos.Name(f"{service}@{host}", kerberos.NameType.hostbased_service)
            us = _credentials(kerberos, principal, store)
            context = kerberos.SecurityContext(name=name, creds=us, usage="initiate")
            said: bytes | None = None
            while not context.complete:
                said = yield context.step(said) or b""
            offer = context.unwrap(said or b"").message
            if len(offer) != 4 or not offer[0] & _NO_LAYER:
                raise BadChallenge("it wants a security layer, which TLS is for")
            yield context.wrap(bytes((_NO_LAYER, 0, 0, 0)), False).message
        except kerberos.exceptions.GSSError as exc:
            raise BadChallenge(f"as {who}: {' '.join(str(exc).split())}") from exc

    async def begin(host: str) -> Conversation:
        return talk(host)

    return Mechanism("GSSAPI", who, begin, str)


_NO_LAYER = 1  # RFC 4752, section 3.3


def _credentials(kerberos: Any, principal: str | None, store: Mapping[str, str] | None) -> Any:
    """Return who we are; None is whoever the ticket cache says."""
    if principal is None and store is None:
        return None
    kind = kerberos.NameType.kerberos_principal
    return kerberos.Credentials(
        name=None if principal is None else kerberos.Name(principal, kind),
        usage="initiate",
        store=store,
    )


def _without(secret: str) -> Callable[[str], str]:
    return lambda text: text.replace(secret, "***")


def _text(challenge: bytes) -> str:
    try:
        return challenge.decode()
    except UnicodeDecodeError as exc:
        raise BadChallenge("its answer is not text") from exc
