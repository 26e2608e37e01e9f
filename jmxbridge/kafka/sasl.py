"""What each SASL mechanism says to a broker, without I/O but for where a token comes from.

A conversation is a generator: it yields what is sent and is sent what came back; when it ends, all
is said that the mechanism has to say. Whether we are let in is the broker's word, not the
conversation's, but for SCRAM, in which the broker has to prove that it knows the password too.

Rule: no password, and no token, is in anything that is shown; `blank` takes them out of what a
broker says.
"""

from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import TypeAlias

from jmxbridge.kafka.token import TokenSource

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


def _without(secret: str) -> Callable[[str], str]:
    return lambda text: text.replace(secret, "***")


def _text(challenge: bytes) -> str:
    try:
        return challenge.decode()
    except UnicodeDecodeError as exc:
        raise BadChallenge("its answer is not text") from exc
