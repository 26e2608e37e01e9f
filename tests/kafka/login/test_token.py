"""Token sources: the request to a token server, its answers, and the cache of a token."""

import asyncio
import base64
import json
import sys
import types
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest

from jmxbridge.kafka.login.token import (
    DEFAULT_LIFETIME_S,
    MAX_REPLY,
    BearerToken,
    ClientCredentials,
    MskSigner,
    TokenSource,
)
from jmxbridge.kafka.wire.errors import LoginFailed

SECRET = "sword+fish"  # noqa: S105 - of no account
Start = Callable[..., Awaitable[tuple[ClientCredentials, list[bytes]]]]


@pytest.fixture
async def server() -> AsyncIterator[Start]:
    """A token server on loopback that gives one answer; who asks it, and what it is asked."""
    async with AsyncExitStack() as stack:

        async def start(status: str, body: bytes, *headers: str) -> Any:
            asked: list[bytes] = []

            async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].split()[0])
                asked.append(head + await reader.readexactly(length))
                lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
                writer.write("\r\n".join(lines).encode() + body)
                await writer.drain()
                writer.close()

            listening = await asyncio.start_server(answer, "127.0.0.1", 0)
            stack.callback(listening.close)
            port = listening.sockets[0].getsockname()[1]
            client = ClientCredentials(
                f"http://127.0.0.1:{port}/token", "cl:ient", SECRET, "kafka", None, 30.0
            )
            return client, asked

        yield start


def body(**answer: Any) -> bytes:
    return json.dumps(answer).encode()


def granted(token: str, **more: Any) -> bytes:
    return body(**{"access_token": token, **more})


async def test_client_credentials_sends_the_request_of_rfc_6749(server: Start) -> None:
    """A form, and both halves of Basic encoded, as one of them may contain the colon."""
    ask, asked = await server("200 OK", granted("a.b-c", expires_in=300))

    assert await ask() == BearerToken("a.b-c", 300.0)

    head, _, form = asked[0].partition(b"\r\n\r\n")
    basic = base64.b64encode(b"cl%3Aient:sword%2Bfish")
    assert head.startswith(b"POST /token ")
    assert b"Authorization: Basic " + basic in head
    assert form == b"grant_type=client_credentials&scope=kafka"


@pytest.mark.parametrize(
    ("expires_in", "lifetime_s"),
    [("90", 90.0), (None, DEFAULT_LIFETIME_S), (-1, DEFAULT_LIFETIME_S), ([], DEFAULT_LIFETIME_S)],
)
async def test_client_credentials_assumes_a_short_lifetime(
    server: Start, expires_in: Any, lifetime_s: float
) -> None:
    """Where the answer has none, or none that makes sense."""
    ask, _ = await server("200 OK", granted("abc", expires_in=expires_in))

    assert (await ask()).lifetime_s == lifetime_s


@pytest.mark.parametrize(
    ("status", "answer", "message"),
    [
        (
            "401 Unauthorized",
            body(error="invalid_client", error_description=f"no\r\n such {SECRET}"),
            r"it answered 401: invalid_client: no such \*\*\*",
        ),
        ("400 Bad Request", body(error=7), "it answered 400$"),
        ("502 Bad Gateway", b"<html>", "it answered 502 without a JSON object"),
        ("200 OK", b"[]", "it answered 200 without a JSON object"),
        ("200 OK", body(), "its answer has no access_token"),
        ("200 OK", granted("a\x01auth=b"), "its answer has no access_token"),
        ("200 OK", b"x" * (MAX_REPLY + 1), "its answer is larger than 256 KiB"),
    ],
)
async def test_client_credentials_reports_an_answer_without_a_token(
    server: Start, status: str, answer: bytes, message: str
) -> None:
    """Status, and the server's reason without the secret, in one line that names URL and client."""
    ask, _ = await server(status, answer)

    with pytest.raises(LoginFailed, match=message) as caught:
        await ask()

    assert str(caught.value).startswith(f"no token from {ask.url} for client 'cl:ient'")
    assert SECRET not in str(caught.value)


async def test_client_credentials_follows_no_redirect(server: Start) -> None:
    """The secret goes to the configured URL only."""
    elsewhere, asked = await server("200 OK", granted("abc"))
    ask, _ = await server("307 Temporary Redirect", b"", f"Location: {elsewhere.url}")

    with pytest.raises(LoginFailed, match="it answered 307"):
        await ask()

    assert asked == []


async def test_client_credentials_names_a_server_that_cannot_be_reached(free_port: int) -> None:
    """In one line, with the URL."""
    ask = ClientCredentials(f"http://127.0.0.1:{free_port}/t", "c", SECRET, None, None, 30.0)

    with pytest.raises(LoginFailed, match=f"no token from http://127.0.0.1:{free_port}/t .*onnect"):
        await ask()


async def test_client_credentials_gives_up_on_a_silent_server(server: Start) -> None:
    """The message has the timeout and the URL."""
    ask, _ = await server("200 OK", b"", "Content-Length: 9")

    with pytest.raises(LoginFailed, match=r"no answer in 1e-06 s"):
        await replace(ask, timeout_s=0.000001)()


async def test_token_source_keeps_a_token_for_most_of_its_lifetime() -> None:
    """Requested by many at once, it is fetched once; later it is fetched again."""
    now, fetched = 100.0, 0

    async def fetch() -> BearerToken:
        nonlocal fetched
        fetched += 1
        return BearerToken(f"t{fetched}", 50.0)

    source = TokenSource(fetch, clock_s=lambda: now)
    assert await asyncio.gather(*(source.token() for _ in range(5))) == ["t1"] * 5

    now = 139.9
    assert await source.token() == "t1"
    now = 140.0
    assert await source.token() == "t2"


async def test_token_source_shares_a_failure_between_waiting_callers() -> None:
    """Connections that wait for the same token fail together; the next attempt asks again."""
    fetched = 0

    async def fetch() -> BearerToken:
        nonlocal fetched
        fetched += 1
        await asyncio.sleep(0)
        if fetched == 1:
            raise LoginFailed("no token")
        return BearerToken("abc", 50.0)

    source = TokenSource(fetch, clock_s=lambda: 0.0)
    outcomes = await asyncio.gather(*(source.token() for _ in range(5)), return_exceptions=True)

    assert [str(outcome) for outcome in outcomes] == ["no token"] * 5
    assert fetched == 1
    assert await source.token() == "abc"


def test_repr_hides_token_and_secret() -> None:
    """Neither the token nor the secret it is requested with."""
    shown = repr(
        (BearerToken("abc", 1.0), ClientCredentials("http://x", "c", SECRET, None, None, 1.0))
    )

    assert "abc" not in shown
    assert SECRET not in shown


async def test_msk_signer_without_its_package_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra, as it brings 80 MB."""
    monkeypatch.setitem(sys.modules, "aws_msk_iam_sasl_signer.MSKAuthTokenProvider", None)

    with pytest.raises(LoginFailed, match=r"pip install 'jmxbridge\[msk\]'"):
        await MskSigner("eu-west-1")()


async def test_msk_signer_signs_with_the_aws_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """With credentials of the environment; the token is a signed URL with a lifetime."""
    pytest.importorskip("aws_msk_iam_sasl_signer", reason="needs the extra msk")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)

    token = await MskSigner("eu-west-1")()

    url = base64.urlsafe_b64decode(token.text + "=" * (-len(token.text) % 4))
    assert url.startswith(b"https://kafka.eu-west-1.amazonaws.com/?Action=kafka-cluster%3AConnect")
    assert b"AKIDEXAMPLE" in url
    assert 800 < token.lifetime_s <= 900


async def test_msk_signer_without_credentials_says_where_they_may_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Environment, profile, or role of the machine."""
    signer = types.ModuleType("signer")

    def generate(region: str) -> None:
        None.access_key  # type: ignore[attr-defined]  # noqa: B018 - as the signer does

    monkeypatch.setattr(signer, "generate_auth_token", generate, raising=False)
    monkeypatch.setitem(sys.modules, "aws_msk_iam_sasl_signer.MSKAuthTokenProvider", signer)

    with pytest.raises(LoginFailed, match="no AWS credentials: neither in the environment"):
        await MskSigner("eu-west-1")()
