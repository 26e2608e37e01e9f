"""Credentials and TLS as far as no JVM is needed; the rest is in tests/real/test_jmx_access.py."""

import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from jmxbridge.jmx import ConnectionFailed, Credentials, Tls, connect
from jmxbridge.jmx.net.tls import context
from jmxbridge.jmx.rmi.calls import new_client
from jmxbridge.jmx.rmi.stub import RemoteRef

Serve = Callable[[Callable[[Any], Awaitable[None]]], Awaitable[int]]


@pytest.fixture
def locked_key(tmp_path: Path) -> Path:
    """A file with a certificate and its key, which a password locks."""
    files = "-keyout key.pem -out cert.pem -passout pass:swordfish -subj /CN=x"
    subprocess.run(
        f"openssl req -x509 -newkey ed25519 {files}".split(),
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    both = tmp_path / "both.pem"
    both.write_text((tmp_path / "key.pem").read_text() + (tmp_path / "cert.pem").read_text())
    return both


def refusal(tls: Tls) -> str:
    """Return why a context cannot be made."""
    with pytest.raises(ConnectionFailed) as caught:
        context(tls)
    assert caught.value.error_class == "tls"
    return str(caught.value)


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    """It is named, with what is the matter."""
    missing = tmp_path / "missing.pem"
    assert refusal(Tls(ca_file=missing)) == (
        f"{missing} cannot be used for TLS: No such file or directory"
    )
    assert str(missing) in refusal(Tls(cert_file=missing))


def test_a_file_that_is_not_pem(tmp_path: Path) -> None:
    """OpenSSL's word for it is kept."""
    file = tmp_path / "store.p12"
    file.write_bytes(b"\x30\x82")
    assert str(file) in refusal(Tls(ca_file=file))


def test_a_key_with_a_password(locked_key: Path) -> None:
    """Nobody is asked on the terminal."""
    assert "tls.key_password_file" in refusal(Tls(cert_file=locked_key))


def test_the_host_name_is_checked_by_default() -> None:
    """Only a setting switches it off, and never the check of the signature."""
    assert context(Tls()).check_hostname
    lenient = context(Tls(check_hostname=False))
    assert not lenient.check_hostname
    assert lenient.verify_mode.name == "CERT_REQUIRED"


def test_a_password_shows_nowhere(connection_ref: RemoteRef) -> None:
    """Neither credentials nor the call that carries them have it in their text."""
    credentials = Credentials("me", "swordfish")
    call = new_client(connection_ref, credentials)
    assert b"swordfish" in call.request
    assert "swordfish" not in repr(credentials) + repr(call)


async def test_a_tls_server_that_was_spoken_to_in_plain(serve: Serve) -> None:
    """Its alert is understood."""

    async def alert(visit: Any) -> None:
        await visit.send(b"\x15\x03\x03\x00\x02\x02\x50")

    with pytest.raises(ConnectionFailed, match=r"tls\.registry") as caught:
        await connect("127.0.0.1", await serve(alert))
    assert caught.value.error_class == "tls"


async def test_a_server_that_echoes_the_password(
    serve: Serve, stub_at: Callable[[int], bytes], captured: Callable[[str], bytes]
) -> None:
    """An authenticator of somebody's own may say too much; we do not repeat it."""
    said = b"Authentication failed! Credentials required"

    async def script(visit: Any) -> None:
        await visit.greet()
        await visit.answer(stub_at(port))
        raw = captured("no_password")
        assert said in raw
        await visit.answer(raw.replace(said, b"no swordfish here".ljust(len(said))))
        await visit.gone()

    port = 0
    port = await serve(script)
    with pytest.raises(ConnectionFailed) as caught:
        await connect("127.0.0.1", port, credentials=Credentials("me", "swordfish"))
    assert caught.value.error_class == "access"
    assert "credentials of user 'me'" in str(caught.value)
    assert "no *** here" in str(caught.value)


async def test_a_server_in_plain_where_tls_is_set(
    serve: Serve, stub_at: Callable[[int], bytes]
) -> None:
    """No password is said to it."""

    async def script(visit: Any) -> None:
        await visit.greet()
        await visit.answer(stub_at(port))
        await visit.gone()

    port = 0
    port = await serve(script)
    with pytest.raises(ConnectionFailed, match="is plain") as caught:
        await connect("127.0.0.1", port, tls=Tls(), credentials=Credentials("me", "swordfish"))
    assert caught.value.error_class == "tls"
