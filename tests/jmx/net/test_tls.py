"""TLS contexts and explanations of TLS errors; with JVMs in tests/real/test_jmx_access.py."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from jmxbridge.jmx.credentials import Tls
from jmxbridge.jmx.errors import ConnectionFailed
from jmxbridge.jmx.net.channel import Channel
from jmxbridge.jmx.net.tls import context, explain
from jmxbridge.jmx.rmi.jrmp import Endpoint
from tests.jmx.scripted import ACK

ServeTls = Callable[[], Awaitable[int]]


def make_pem(folder: Path, options: str) -> Path:
    """Make a key and a self-signed certificate; return the file that holds both."""
    subprocess.run(
        f"openssl req -x509 -newkey ed25519 -keyout key -out cert {options}".split(),
        cwd=folder,
        check=True,
        capture_output=True,
    )
    pem = folder / "both.pem"
    pem.write_text((folder / "key").read_text() + (folder / "cert").read_text())
    return pem


@pytest.fixture(scope="module")
def server_pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1, and its key."""
    options = "-noenc -subj /CN=server -addext subjectAltName=IP:127.0.0.1"
    return make_pem(tmp_path_factory.mktemp("server"), options)


@pytest.fixture(scope="module")
def encrypted_pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate, and its key, which the password swordfish encrypts."""
    options = "-passout pass:swordfish -subj /CN=client"
    return make_pem(tmp_path_factory.mktemp("client"), options)


@pytest.fixture
async def serve_tls(server_pem: Path) -> AsyncIterator[ServeTls]:
    """Return a function that starts a server with RMI's greeting over TLS; it returns the port."""

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(ACK)
            while await reader.read(1 << 16):
                pass
        except OSError:
            pass  # the client rejected the certificate
        finally:
            writer.close()

    async with AsyncExitStack() as servers:

        async def serve() -> int:
            server_context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            server_context.load_cert_chain(server_pem)
            server = await asyncio.start_server(greet, "127.0.0.1", 0, ssl=server_context)
            await servers.enter_async_context(server)
            port: int = server.sockets[0].getsockname()[1]
            return port

        yield serve


def context_error(tls: Tls) -> str:
    """Return the message of a context that cannot be made."""
    with pytest.raises(ConnectionFailed) as caught:
        context(tls)
    assert caught.value.error_class == "tls"
    return str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The error names the file and quotes the operating system."""
    missing = tmp_path / "missing.pem"
    assert context_error(Tls(ca_file=missing)) == (
        f"{missing} cannot be used for TLS: No such file or directory"
    )
    assert str(missing) in context_error(Tls(cert_file=missing))


def test_a_file_that_is_not_pem_is_named(tmp_path: Path) -> None:
    """The error names the file and quotes OpenSSL."""
    file = tmp_path / "store.p12"
    file.write_bytes(b"\x30\x82")
    assert str(file) in context_error(Tls(ca_file=file))


def test_an_encrypted_key_without_a_password_is_an_error(encrypted_pem: Path) -> None:
    """OpenSSL does not prompt on the terminal; the error names the setting."""
    assert context_error(Tls(cert_file=encrypted_pem)) == (
        f"{encrypted_pem} cannot be used for TLS: its key is encrypted: set tls.key_password_file"
    )


def test_a_wrong_password_of_a_key_is_suspected(encrypted_pem: Path) -> None:
    """OpenSSL has no clear error for a wrong password; the right one is accepted."""
    wrong = Tls(cert_file=encrypted_pem, key_password="wrong")  # noqa: S106 - of this test alone
    assert "is tls.key_password right?" in context_error(wrong)
    context(Tls(cert_file=encrypted_pem, key_password="swordfish"))  # noqa: S106 - see above
    context(Tls(cert_file=encrypted_pem, key_password=lambda: "swordfish"))


def test_an_identity_is_loaded_from_memory(server_pem: Path) -> None:
    """Certificate and key come as PEM from a function, which is called for each context."""
    calls = 0

    def identity() -> bytes:
        nonlocal calls
        calls += 1
        return server_pem.read_bytes()

    context(Tls(identity=identity))
    context(Tls(identity=identity))
    assert calls == 2


def test_the_host_name_is_checked_by_default() -> None:
    """Only a setting switches it off; the signature is verified even then."""
    assert context(Tls()).check_hostname
    lenient = context(Tls(check_hostname=False))
    assert not lenient.check_hostname
    assert lenient.verify_mode.name == "CERT_REQUIRED"


async def test_a_trusted_certificate_is_accepted(server_pem: Path, serve_tls: ServeTls) -> None:
    """The channel is open after the handshake and the greeting."""
    endpoint = Endpoint("127.0.0.1", await serve_tls())
    channel = await Channel.open(endpoint, 60.0, context(Tls(ca_file=server_pem)))
    assert channel.protocol.error is None
    assert channel.round_trip_us is not None
    await channel.abort_and_wait()


async def test_an_unknown_authority_is_reported_with_the_setting(serve_tls: ServeTls) -> None:
    """The error quotes OpenSSL and names `tls.ca_file`."""
    endpoint = Endpoint("127.0.0.1", await serve_tls())
    with pytest.raises(ConnectionFailed) as caught:
        await Channel.open(endpoint, 60.0, context(Tls()))
    assert caught.value.error_class == "tls"
    assert str(caught.value) == (
        f"TLS with {endpoint} failed: its certificate was rejected: self-signed certificate;"
        " set tls.ca_file to the authority that signed it"
    )


async def test_a_certificate_for_another_host_is_reported_with_the_setting(
    server_pem: Path, serve_tls: ServeTls
) -> None:
    """`tls.check_hostname: false` accepts it, and the error says so."""
    endpoint = Endpoint("localhost", await serve_tls())
    with pytest.raises(ConnectionFailed, match=r"tls\.check_hostname: false accepts") as caught:
        await Channel.open(endpoint, 60.0, context(Tls(ca_file=server_pem)))
    assert caught.value.error_class == "tls"
    lenient = context(Tls(ca_file=server_pem, check_hostname=False))
    channel = await Channel.open(endpoint, 60.0, lenient)
    await channel.abort_and_wait()


def ssl_error(reason: str) -> ssl.SSLError:
    """Return an error of OpenSSL with this reason."""
    error = ssl.SSLError(1, reason)
    error.reason = reason
    return error


def verification_error(code: int, message: str) -> ssl.SSLCertVerificationError:
    """Return an error of OpenSSL about a certificate."""
    error = ssl.SSLCertVerificationError(1, message)
    error.verify_code = code
    error.verify_message = message
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (verification_error(18, "self-signed"), "self-signed; set tls.ca_file to the authority"),
        (verification_error(62, "other host"), "other host; tls.check_hostname: false accepts"),
        (verification_error(10, "has expired"), "its certificate was rejected: has expired"),
        (ssl_error("WRONG_VERSION_NUMBER"), "(wrong version number); does this port speak TLS?"),
        (ConnectionResetError(104, "Reset by peer"), "(reset by peer); does this port speak TLS?"),
        (OSError(), "(end of the stream); does this port speak TLS?"),
        (
            ssl_error("TLSV13_ALERT_CERTIFICATE_REQUIRED"),
            "it rejected the handshake (tlsv13 alert certificate required); if it requires a",
        ),
        (ssl_error("INTERNAL_ERROR"), "internal error"),
        (ssl.SSLError(1, "raised by Python"), "raised by python"),
        (ssl.SSLCertVerificationError(1, "no such host"), "certificate was rejected: no such host"),
    ],
)
def test_each_error_is_explained(error: OSError, words: str) -> None:
    """The explanation quotes OpenSSL or the operating system, and names what to change."""
    explanation = explain(error, not_tls="the hint of the caller")
    assert words in explanation
    assert ("(the hint of the caller)" in explanation) == ("does this port" in words)


def test_an_expired_certificate_has_no_hint() -> None:
    """No setting of the client helps."""
    error = verification_error(10, "certificate has expired")
    assert explain(error, not_tls="") == ("its certificate was rejected: certificate has expired")
