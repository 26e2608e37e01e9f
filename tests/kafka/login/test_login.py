"""Logging in, against a broker's side that is written down here or is the library's own."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
import scramp
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.kafka.login.sasl import (
    BadChallenge,
    Conversation,
    Mechanism,
    gssapi,
    oauthbearer,
    plain,
    scram,
)
from jmxbridge.kafka.login.sasl_requests import LoginAnswer, SaslAuthenticate, SaslHandshake
from jmxbridge.kafka.login.security import MAX_STEPS, log_in
from jmxbridge.kafka.login.token import BearerToken, TokenSource
from jmxbridge.kafka.wire.errors import ConnectFailed, LoginFailed, VersionMismatch

PASSWORD = "swordfish"  # noqa: S105 - of nobody
SCRAMS = ("SCRAM-SHA-256", "SCRAM-SHA-512")
GOOD = LoginAnswer(0, None, b"", None)

Reply = Callable[[bytes], LoginAnswer]


class Broker:
    """The broker's side: `reply` answers each message; everything said is in `heard`."""

    def __init__(self, reply: Reply, *, handshake: tuple[int, tuple[str, ...]] = (0, ())) -> None:
        self.heard: list[Any] = []
        self._reply = reply
        self._handshake = handshake

    async def ask(self, request: Any) -> Any:
        """Answer like a connection."""
        if isinstance(request, SaslHandshake):
            self.heard.append(request.mechanism)
            return self._handshake
        assert isinstance(request, SaslAuthenticate)
        self.heard.append(request.data)
        return self._reply(request.data)


async def enter(broker: Broker, mechanism: Mechanism) -> float | None:
    """Log in at kafka-1."""
    return await log_in(broker.ask, mechanism, peer="kafka-1:9092", host="kafka-1")


def scram_broker(name: str, password: str, *, spoil: bytes = b"") -> Broker:
    """A broker that knows one password; `spoil` replaces its proof of that."""
    mechanism = scramp.ScramMechanism(name)
    info = mechanism.make_auth_info(password)
    server = mechanism.make_server(lambda user: info)
    steps = iter((server.set_client_first, server.set_client_final))
    says = iter((server.get_server_first, server.get_server_final))

    def reply(message: bytes) -> LoginAnswer:
        try:
            next(steps)(message.decode())
        except scramp.ScramException:
            return LoginAnswer(58, "Authentication failed: invalid credentials", b"", None)
        said = next(says)().encode()
        return LoginAnswer(0, None, spoil if spoil and said.startswith(b"v=") else said, None)

    return Broker(reply)


async def test_plain_says_user_and_password_once() -> None:
    """An empty authorization id, both separated by NUL (RFC 4616)."""
    broker = Broker(lambda _: GOOD)

    assert await enter(broker, plain("ann", PASSWORD)) is None

    assert broker.heard == ["PLAIN", b"\0ann\0swordfish"]


@pytest.mark.parametrize("name", SCRAMS)
async def test_scram_proves_the_password_without_saying_it(name: str) -> None:
    """Both sides are satisfied in two messages, and the password is in neither."""
    broker = scram_broker(name, PASSWORD)

    await enter(broker, scram(name, "a,n=n", PASSWORD))

    assert broker.heard[0] == name
    assert len(broker.heard) == 3
    assert PASSWORD.encode() not in b"".join(broker.heard[1:])


async def test_scram_turns_away_a_broker_that_does_not_know_the_password() -> None:
    """Whoever takes every password cannot prove that it knows ours."""
    broker = scram_broker("SCRAM-SHA-256", PASSWORD, spoil=b"v=AAAA")

    with pytest.raises(
        LoginFailed, match=r"kafka-1:9092: login by SCRAM-SHA-256 failed: .*signature"
    ):
        await enter(broker, scram("SCRAM-SHA-256", "ann", PASSWORD))


@pytest.mark.parametrize("said", [b"\xff", b"", b"r=", b"r=x,s=QQ==,i=4096", b"e=no"])
async def test_scram_ends_at_nonsense(said: bytes) -> None:
    """Whatever a broker answers to the first message, there is no proof in it and no traceback."""
    broker = Broker(lambda _: LoginAnswer(0, None, said, None))

    with pytest.raises(LoginFailed, match="login by SCRAM-SHA-512 failed"):
        await enter(broker, scram("SCRAM-SHA-512", "ann", PASSWORD))


async def test_scram_counts_no_further_than_a_thread_can_bear() -> None:
    """A broker that asks for a billion rounds of hashing is refused before the first."""

    def reply(message: bytes) -> LoginAnswer:
        nonce = message.decode().partition("r=")[2]
        return LoginAnswer(0, None, f"r={nonce}x,s={'QQ' * 17}==,i=1000000000".encode(), None)

    with pytest.raises(LoginFailed, match="must not be > 10000000"):
        await enter(Broker(reply), scram("SCRAM-SHA-256", "ann", PASSWORD))


@pytest.mark.parametrize("name", ["PLAIN", *SCRAMS])
async def test_a_wrong_password_is_said_and_not_shown(name: str) -> None:
    """Broker, user and mechanism are named, and what the broker says, without the password."""
    said = f"no\nentry  with {PASSWORD}"
    broker = Broker(lambda _: LoginAnswer(58, said, b"", None))
    mechanism = plain("ann", PASSWORD) if name == "PLAIN" else scram(name, "ann", PASSWORD)

    with pytest.raises(LoginFailed) as caught:
        await enter(broker, mechanism)

    assert str(caught.value) == (
        f"kafka-1:9092: does not accept the credentials of user 'ann' ({name}): no entry with ***"
    )


async def test_a_mechanism_that_is_not_there_names_those_that_are() -> None:
    """What to set instead stands in the message."""
    broker = Broker(lambda _: GOOD, handshake=(33, ("SCRAM-SHA-512", "GSSAPI")))

    with pytest.raises(LoginFailed, match=r"does not offer PLAIN: .*: SCRAM-SHA-512, GSSAPI"):
        await enter(broker, plain("ann", PASSWORD))

    assert broker.heard == ["PLAIN"]


async def test_a_listener_without_sasl_says_so() -> None:
    """It answers the handshake with error 34."""
    broker = Broker(lambda _: GOOD, handshake=(34, ()))

    with pytest.raises(LoginFailed, match=r"this listener does not use SASL: remove kafka\.sasl"):
        await enter(broker, plain("ann", PASSWORD))


async def test_a_broker_before_1_0_is_too_old() -> None:
    """It has no message to carry a mechanism's bytes in."""

    async def ask(request: Any) -> Any:
        raise VersionMismatch("kafka-1:9092: it does not offer SaslHandshake")

    with pytest.raises(ConnectFailed, match=r"SASL needs Kafka 1\.0"):
        await log_in(ask, plain("ann", PASSWORD), peer="kafka-1:9092", host="kafka-1")


async def test_nobody_keeps_us_talking() -> None:
    """A conversation that does not end is ended."""

    def talk() -> Conversation:
        while True:
            yield b"and then?"

    async def begin(_: str) -> Conversation:
        return talk()

    broker = Broker(lambda _: GOOD)
    with pytest.raises(LoginFailed, match="did not finish"):
        await enter(broker, Mechanism("TALK", "nobody", begin, str))

    assert len(broker.heard) == 1 + MAX_STEPS


async def test_the_last_answer_says_how_long_it_holds() -> None:
    """KIP-368: seconds until the broker wants to be told again who we are."""
    broker = Broker(lambda _: LoginAnswer(0, None, b"", 90.0))

    assert await enter(broker, plain("ann", PASSWORD)) == 90.0


def tokens(*texts: str) -> TokenSource:
    """A source that gives these one after the other."""
    rest = iter(texts)

    async def fetch() -> BearerToken:
        return BearerToken(next(rest), 60.0)

    return TokenSource(fetch, clock_s=lambda: 0.0)


async def test_a_token_is_shown_as_rfc_7628_has_it() -> None:
    """Once for each connection; asked for once."""
    source = tokens("abc.def")

    for _ in range(2):
        broker = Broker(lambda _: GOOD)
        await enter(broker, oauthbearer(source, "client 'c'"))
        assert broker.heard == ["OAUTHBEARER", b"n,,\x01auth=Bearer abc.def\x01\x01"]


async def test_a_refused_token_is_not_used_again() -> None:
    """The broker explains, wants a byte, and refuses; the next connection gets another token."""
    source = tokens("abc", "xyz")

    def reply(message: bytes) -> LoginAnswer:
        if message == b"\x01":
            return LoginAnswer(58, '{"status":"invalid_token"} abc', b"", None)
        return LoginAnswer(0, None, b'{"status":"invalid_token"}', None)

    with pytest.raises(LoginFailed, match=r"client 'c' \(OAUTHBEARER\): .*invalid_token.* \*\*\*"):
        await enter(Broker(reply), oauthbearer(source, "client 'c'"))

    assert await source.token() == "xyz"


async def test_kerberos_without_the_package_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra, for it is built against a library of the system."""
    monkeypatch.setitem(sys.modules, "gssapi", None)
    broker = Broker(lambda _: GOOD)

    with pytest.raises(
        LoginFailed, match=r"login by GSSAPI failed: .*pip install 'jmxbridge\[gssapi\]'"
    ):
        await enter(broker, gssapi("kafka", None, None))

    assert broker.heard == ["GSSAPI"]


PIECES = [b"NONCE", b"x", b",", b"r=", b"s=", b"i=", b"v=", b"e=", b"m=", b"4096", b"0", b"\xff"]
PIECES += [b"r=NONCEx,s=c2FsdC1vZi1hLXRlc3Q=,i=4096"]
SAID = st.lists(st.sampled_from(PIECES), max_size=6).map(b"".join)


async def begun(mechanism: Mechanism) -> Conversation:
    """Begin to talk with kafka-1."""
    return await mechanism.begin("kafka-1")


@given(said=st.lists(SAID, min_size=3, max_size=3))
def test_scram_ends_whatever_it_is_told(said: list[bytes]) -> None:
    """Nobody gets past it without a proof: two messages at most, then an error of ours."""
    conversation = asyncio.run(begun(scram("SCRAM-SHA-256", "ann", PASSWORD)))
    nonce = next(conversation).partition(b"r=")[2]

    def until_the_error() -> Iterator[bytes]:
        with suppress(BadChallenge):
            for each in said:
                yield conversation.send(each.replace(b"NONCE", nonce))
            yield from said

    assert len(list(until_the_error())) <= 1
