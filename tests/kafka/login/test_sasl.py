"""SASL mechanisms, against a broker's side written here or taken from the library."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial

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
from jmxbridge.kafka.login.sasl_requests import LoginAnswer
from jmxbridge.kafka.login.token import BearerToken, TokenSource
from jmxbridge.kafka.wire.errors import LoginFailed
from tests.kafka.login.scripted_broker import GOOD, PASSWORD, SCRAMS, ScriptedBroker, enter

PIECES = [b"NONCE", b"x", b",", b"r=", b"s=", b"i=", b"v=", b"e=", b"m=", b"4096", b"0", b"\xff"]
PIECES += [b"r=NONCEx,s=c2FsdC1vZi1hLXRlc3Q=,i=4096"]
ANSWER = st.lists(st.sampled_from(PIECES), max_size=6).map(b"".join)


def scram_broker(name: str, password: str, *, spoil: bytes = b"") -> ScriptedBroker:
    """A broker that knows one password; `spoil` replaces its proof of that."""
    mechanism = scramp.ScramMechanism(name)
    info = mechanism.make_auth_info(password)
    server = mechanism.make_server(lambda user: info)
    steps = iter((server.set_client_first, server.set_client_final))
    answers = iter((server.get_server_first, server.get_server_final))

    def reply(message: bytes) -> LoginAnswer:
        try:
            next(steps)(message.decode())
        except scramp.ScramException:
            return LoginAnswer(58, "Authentication failed: invalid credentials", b"", None)
        answer = next(answers)().encode()
        return LoginAnswer(0, None, spoil if spoil and answer.startswith(b"v=") else answer, None)

    return ScriptedBroker(reply)


def tokens(*texts: str) -> TokenSource:
    """A source that gives these one after the other."""
    rest = iter(texts)

    async def fetch() -> BearerToken:
        return BearerToken(next(rest), 60.0)

    return TokenSource(fetch, clock_s=lambda: 0.0)


async def begun(mechanism: Mechanism) -> Conversation:
    """Begin to talk with kafka-1."""
    return await mechanism.begin("kafka-1")


async def test_plain_sends_user_and_password() -> None:
    """An empty authorization id, both separated by NUL (RFC 4616)."""
    broker = ScriptedBroker(lambda _: GOOD)

    assert await enter(broker, plain("ann", lambda: PASSWORD)) is None

    assert broker.heard == ["PLAIN", b"\0ann\0swordfish"]


@pytest.mark.parametrize("name", SCRAMS)
async def test_scram_proves_the_password_without_sending_it(name: str) -> None:
    """Both sides are satisfied after two messages, and neither contains the password."""
    broker = scram_broker(name, PASSWORD)

    await enter(broker, scram(name, "a,n=n", lambda: PASSWORD))

    assert broker.heard[0] == name
    assert len(broker.heard) == 3
    assert PASSWORD.encode() not in b"".join(broker.heard[1:])


async def test_scram_rejects_a_broker_that_does_not_know_the_password() -> None:
    """A broker that accepts every password cannot prove that it knows ours."""
    broker = scram_broker("SCRAM-SHA-256", PASSWORD, spoil=b"v=AAAA")

    with pytest.raises(
        LoginFailed, match=r"kafka-1:9092: login by SCRAM-SHA-256 failed: .*signature"
    ):
        await enter(broker, scram("SCRAM-SHA-256", "ann", lambda: PASSWORD))


@pytest.mark.parametrize("answer", [b"\xff", b"", b"r=", b"r=x,s=QQ==,i=4096", b"e=no"])
async def test_scram_fails_on_a_malformed_answer(answer: bytes) -> None:
    """Whatever a broker answers to the first message: no login, and no traceback."""
    broker = ScriptedBroker(lambda _: LoginAnswer(0, None, answer, None))

    with pytest.raises(LoginFailed, match="login by SCRAM-SHA-512 failed"):
        await enter(broker, scram("SCRAM-SHA-512", "ann", lambda: PASSWORD))


async def test_scram_rejects_too_many_iterations() -> None:
    """A broker that asks for a billion rounds of hashing is refused before the first."""

    def reply(message: bytes) -> LoginAnswer:
        nonce = message.decode().partition("r=")[2]
        return LoginAnswer(0, None, f"r={nonce}x,s={'QQ' * 17}==,i=1000000000".encode(), None)

    with pytest.raises(LoginFailed, match="must not be > 10000000"):
        await enter(ScriptedBroker(reply), scram("SCRAM-SHA-256", "ann", lambda: PASSWORD))


async def test_oauthbearer_sends_the_token_as_rfc_7628_says() -> None:
    """Once for each connection, from one fetch."""
    source = tokens("abc.def")

    for _ in range(2):
        broker = ScriptedBroker(lambda _: GOOD)
        await enter(broker, oauthbearer(source, "client 'c'"))
        assert broker.heard == ["OAUTHBEARER", b"n,,\x01auth=Bearer abc.def\x01\x01"]


async def test_oauthbearer_drops_a_refused_token() -> None:
    """The broker explains, expects one byte, and refuses; the next login has another token."""
    source = tokens("abc", "xyz")

    def reply(message: bytes) -> LoginAnswer:
        if message == b"\x01":
            return LoginAnswer(58, '{"status":"invalid_token"} abc', b"", None)
        return LoginAnswer(0, None, b'{"status":"invalid_token"}', None)

    with pytest.raises(LoginFailed, match=r"client 'c' \(OAUTHBEARER\): .*invalid_token.* \*\*\*"):
        await enter(ScriptedBroker(reply), oauthbearer(source, "client 'c'"))

    assert await source.token() == "xyz"


async def test_gssapi_without_its_package_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra, as it is built against a library of the system."""
    monkeypatch.setitem(sys.modules, "gssapi", None)
    broker = ScriptedBroker(lambda _: GOOD)

    with pytest.raises(
        LoginFailed, match=r"login by GSSAPI failed: .*pip install 'jmxbridge\[gssapi\]'"
    ):
        await enter(broker, gssapi("kafka", None, None))

    assert broker.heard == ["GSSAPI"]


@given(answers=st.lists(ANSWER, min_size=3, max_size=3))
def test_scram_never_ends_without_a_proof(answers: list[bytes]) -> None:
    """Any answers at all: two messages at most, then BadChallenge."""
    conversation = asyncio.run(begun(scram("SCRAM-SHA-256", "ann", lambda: PASSWORD)))
    nonce = next(conversation).partition(b"r=")[2]

    def until_the_error() -> Iterator[bytes]:
        with suppress(BadChallenge):
            for answer in answers:
                yield conversation.send(answer.replace(b"NONCE", nonce))
            yield from answers

    assert len(list(until_the_error())) <= 1


@pytest.mark.parametrize("kind", [plain, partial(scram, "SCRAM-SHA-256")])
async def test_each_login_takes_the_current_password(
    kind: Callable[[str, Callable[[], str]], Mechanism],
) -> None:
    """It may be replaced in its file; texts hide all that were used: a login may be under way."""
    passwords = iter(["old-fish", "new-fish"])
    mechanism = kind("ann", lambda: next(passwords))
    assert mechanism.redact("old-fish, new-fish") == "old-fish, new-fish"
    await mechanism.begin("k")
    assert mechanism.redact("old-fish, new-fish") == "***, new-fish"

    await mechanism.begin("k")

    assert mechanism.redact("old-fish, new-fish") == "***, ***"


async def test_plain_sends_the_current_password() -> None:
    """After a rotation the next login has the new one."""
    passwords = iter(["old-fish", "new-fish"])
    mechanism = plain("ann", lambda: next(passwords))

    messages = [next(await mechanism.begin("k")) for _ in range(2)]

    assert messages == [b"\0ann\0old-fish", b"\0ann\0new-fish"]
