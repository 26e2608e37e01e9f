"""Reasons why a request got no answer: exceptions of libraries, and the faults that raise them."""

import asyncio
import http.client
import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jmxbridge.influx.body import Body
from jmxbridge.influx.client import Writer
from jmxbridge.influx.outcome import NoAnswer
from jmxbridge.influx.request_error import no_answer

MakeWriter = Callable[..., Writer]

LINE = b"m v=1 1"


def untrusted() -> ssl.SSLCertVerificationError:
    """Make the error of a certificate that is not trusted."""
    error = ssl.SSLCertVerificationError()
    error.verify_message = "certificate has expired"
    return error


def tls_error(reason: str | None) -> ssl.SSLError:
    """Make an error of OpenSSL, which does not always have a reason."""
    error = ssl.SSLError(1, "?")
    error.reason = reason  # type: ignore[assignment]  # OpenSSL leaves it None
    return error


@pytest.mark.parametrize(
    ("exc", "kind", "text"),
    [
        (untrusted(), "tls", "its certificate is not trusted: certificate has expired"),
        (ssl.SSLCertVerificationError(), "tls", "its certificate is not trusted: unknown"),
        (tls_error(None), "tls", "TLS failed: unknown"),
        (ssl.SSLError("raised by Python, not OpenSSL"), "tls", "TLS failed: unknown"),
        (tls_error("WRONG_VERSION_NUMBER"), "tls", "TLS failed: wrong version number"),
        (socket.gaierror(-2, "Name not known"), "dns", "Name not known"),
        (socket.gaierror(), "dns", "its name cannot be looked up"),
        (TimeoutError(), "timeout", "no answer in time"),
        (ConnectionRefusedError(), "refused", "connection refused"),
        (BrokenPipeError(), "reset", "connection closed before the answer was complete"),
        (OSError(101, "?"), "network", "Network is unreachable"),
        (http.client.BadStatusLine("?"), "protocol", "not an HTTP answer (BadStatusLine)"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_no_answer_names_the_cause(exc: Exception, kind: str, text: str) -> None:
    """The same whether it is the exception itself, its cause, or an argument, as in urllib3's."""
    assert no_answer(exc) == NoAnswer(kind, text)
    assert no_answer(ValueError("secret", exc)) == NoAnswer(kind, text)
    outer = ValueError("secret")
    outer.__cause__ = exc
    assert no_answer(outer) == NoAnswer(kind, text)


@pytest.mark.parametrize("exc", [ValueError("secret"), OSError("secret")])
def test_no_answer_keeps_unknown_texts_to_itself(exc: Exception) -> None:
    """The text of another exception may contain a header: only its class is told."""
    assert no_answer(exc) == NoAnswer("protocol", f"the request failed ({type(exc).__name__})")


async def test_a_port_where_nothing_listens(make_writer: MakeWriter, unused_port: int) -> None:
    """The outcome has the system's message."""
    outcome = await make_writer(f"http://127.0.0.1:{unused_port}").write(Body(LINE))

    assert outcome == NoAnswer("refused", "connection refused")


async def test_an_unknown_host(make_writer: MakeWriter) -> None:
    """The top-level domain is reserved for this (RFC 2606)."""
    outcome = await make_writer("http://influx.invalid:8086").write(Body(LINE))

    assert isinstance(outcome, NoAnswer)
    assert outcome.kind == "dns"


@pytest.mark.parametrize(
    "part",
    [b"", b"HTTP/1.1 20", b"HTTP/1.1 400 No\r\nContent-Length: 100\r\n\r\n{"],
    ids=["before the answer", "in its first line", "in its body"],
)
async def test_a_connection_that_ends_early(
    make_writer: MakeWriter, script: Any, part: bytes
) -> None:
    """It is unknown whether the lines were stored: no answer."""

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(part)
        writer.close()

    script.replies = [hang_up]

    outcome = await make_writer().write(Body(LINE))

    assert isinstance(outcome, NoAnswer)
    assert outcome.kind in ("reset", "protocol")


async def test_a_connection_reset_after_the_body(make_writer: MakeWriter, script: Any) -> None:
    """RST instead of an answer is an outcome too."""

    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    script.replies = [reset]

    outcome = await make_writer().write(Body(LINE))

    assert isinstance(outcome, NoAnswer)
    assert outcome.kind == "reset"


async def test_something_that_does_not_speak_http(make_writer: MakeWriter, script: Any) -> None:
    """For example a Kafka port: an outcome without the received bytes."""
    script.replies = [b"\x00\x00\x00\x08\x00\x00\x00\x00" * 20 + b"\r\n"]

    outcome = await make_writer().write(Body(LINE))

    assert isinstance(outcome, NoAnswer)
    assert outcome.kind == "protocol"


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read everything and send nothing until the client closes."""
    await reader.read()


async def test_no_answer_within_the_read_timeout(make_writer: MakeWriter, script: Any) -> None:
    """The library's own timeout is an outcome too."""
    script.replies = [silence]

    outcome = await make_writer(read_s=0.1).write(Body(LINE))

    assert outcome == NoAnswer("timeout", "no answer in time")


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A self-signed certificate and its key."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    options = ["-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command = ["openssl", "req", "-x509", *options, "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True)
    return cert, key


async def test_a_self_signed_certificate_is_refused(
    make_writer: MakeWriter, certificate: tuple[Path, Path]
) -> None:
    """The connection is not used, and the outcome has the reason."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server = await asyncio.start_server(lambda _, w: w.close(), "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]

    outcome = await make_writer(f"https://127.0.0.1:{port}").write(Body(LINE))

    server.close()
    assert isinstance(outcome, NoAnswer)
    assert outcome.kind == "tls"
    assert "self-signed certificate" in outcome.text


async def test_https_to_a_server_without_tls(make_writer: MakeWriter) -> None:
    """The wrong scheme is an outcome that names TLS."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    outcome = await make_writer(f"https://127.0.0.1:{port}").write(Body(LINE))

    server.close()
    assert outcome == NoAnswer("tls", "TLS failed: wrong version number")
