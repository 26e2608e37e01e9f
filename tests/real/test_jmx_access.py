"""JMX passwords and TLS on real JVMs: which logins work, and the errors of those that do not."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.servers import Jvm
from jmxbridge import build
from jmxbridge.config.loader import load
from jmxbridge.config.show.effective import show
from jmxbridge.jmx import ConnectionFailed, Credentials, Tls, connect
from tests.real.papers import STORE_PASSWORD, Papers, make_papers

pytestmark = pytest.mark.real

SOURCE = Path(__file__).parent.parent.parent / "bench" / "Many.java"
REMOTE = "-Dcom.sun.management.jmxremote"
RIGHT = Credentials("monitorRole", "swordfish")
WRONG = Credentials("monitorRole", "hunter2-and-more")


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    """Two certificate authorities and their certificates."""
    return make_papers(tmp_path_factory.mktemp("papers"))


def store_options(papers: Papers, server: str) -> list[str]:
    """Return JVM options for a key store and for trust in `ca`."""
    ssl = "-Djavax.net.ssl"
    return [
        f"{ssl}.keyStore={papers.folder / server}.p12",
        f"{ssl}.keyStorePassword={STORE_PASSWORD}",
        f"{ssl}.trustStore={papers.folder / 'trust'}.p12",
        f"{ssl}.trustStorePassword={STORE_PASSWORD}",
        f"{REMOTE}.ssl=true",
    ]


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jvm]:
    """A JVM with a password and without TLS."""
    folder = tmp_path_factory.mktemp("locked")
    with Jvm(SOURCE, "3", jvm_options=password_options(folder)) as jvm:
        yield jvm


def password_options(folder: Path) -> list[str]:
    """Return JVM options for a password file."""
    passwords, access = folder / "jmx.password", folder / "jmx.access"
    passwords.write_text(f"{RIGHT.username} {RIGHT.password}\n")
    passwords.chmod(0o600)  # or the JVM does not start
    access.write_text(f"{RIGHT.username} readonly\n")
    return [
        f"{REMOTE}.authenticate=true",
        f"{REMOTE}.password.file={passwords}",
        f"{REMOTE}.access.file={access}",
    ]


@pytest.fixture(scope="module")
def encrypted(papers: Papers) -> Iterator[Jvm]:
    """A JVM with TLS on the server and a plain registry on another port."""
    with Jvm(
        SOURCE, "3", jvm_options=[*store_options(papers, "server"), f"{REMOTE}.rmi.port=0"]
    ) as jvm:
        yield jvm


@pytest.fixture(scope="module")
def fortress(papers: Papers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jvm]:
    """A JVM with TLS on registry and server, client certificates and a password."""
    options = [
        *store_options(papers, "server"),
        *password_options(tmp_path_factory.mktemp("fortress")),
        f"{REMOTE}.registry.ssl=true",
        f"{REMOTE}.ssl.need.client.auth=true",
    ]
    with Jvm(SOURCE, "3", jvm_options=options) as jvm:
        yield jvm


@pytest.fixture(scope="module")
def outdated(papers: Papers) -> Iterator[Jvm]:
    """A JVM with an expired certificate; TLS on registry and server."""
    options = [*store_options(papers, "expired"), f"{REMOTE}.registry.ssl=true"]
    with Jvm(SOURCE, "3", jvm_options=options) as jvm:
        yield jvm


async def domain(jvm: Jvm, **options: Any) -> str:
    """Connect and call."""
    async with await connect("127.0.0.1", jvm.jmx_port, **options) as mbeans:
        return await mbeans.get_default_domain()


async def refusal(jvm: Jvm, **options: Any) -> ConnectionFailed:
    """Return the error of a connect."""
    with pytest.raises(ConnectionFailed) as caught:
        await domain(jvm, **options)
    return caught.value


async def test_the_right_password_is_accepted(locked: Jvm) -> None:
    """The right user and password are accepted."""
    assert await domain(locked, credentials=RIGHT) == "DefaultDomain"


@pytest.mark.parametrize("credentials", [None, WRONG, Credentials("nobody", "swordfish")])
async def test_wrong_or_missing_credentials_are_rejected(
    locked: Jvm, credentials: Credentials | None
) -> None:
    """The error names `credentials`, host, port and user, never the password."""
    error = await refusal(locked, credentials=credentials)
    assert error.error_class == "access"
    assert "credentials" in str(error)
    assert f"127.0.0.1:{locked.jmx_port}" in str(error)
    if credentials is None:
        assert "set username" in str(error)
    else:
        assert credentials.username in str(error)
        assert credentials.password not in str(error) + repr(error) + repr(credentials)


async def test_tls_on_the_server_with_a_plain_registry(encrypted: Jvm, papers: Papers) -> None:
    """TLS on the server with a plain registry: the default of `Tls` and of JVMs."""
    assert await domain(encrypted, tls=Tls(ca_file=papers.ca)) == "DefaultDomain"


async def test_tls_client_certificate_and_password(fortress: Jvm, papers: Papers) -> None:
    """TLS, client certificate and password together."""
    tls = Tls(registry=True, ca_file=papers.ca, cert_file=papers.client, key_file=papers.client_key)
    assert await domain(fortress, tls=tls, credentials=RIGHT) == "DefaultDomain"
    error = await refusal(fortress, tls=tls, credentials=WRONG)
    assert error.error_class == "access"


def by_keytool(store: Path, copy: Path) -> Path:
    """Rewrite a key store with keytool."""
    files = f"-srckeystore {store} -destkeystore {copy} -deststoretype PKCS12"
    passwords = f"-srcstorepass {STORE_PASSWORD} -deststorepass {STORE_PASSWORD}"
    command = f"keytool -importkeystore {files} {passwords}"
    subprocess.run(command.split(), check=True, capture_output=True)
    return copy


@pytest.mark.parametrize("maker", ["openssl", "keytool"])
async def test_a_client_certificate_in_a_key_store(
    fortress: Jvm, papers: Papers, tmp_path: Path, maker: str
) -> None:
    """A PKCS#12 store and its password in the file are accepted."""
    store = papers.folder / "client.p12"
    if maker == "keytool":
        store = by_keytool(store, tmp_path / "client.p12")
    (tmp_path / "opens-it").write_text(f"{STORE_PASSWORD}\n")
    tls = f"registry: true, ca_file: {papers.ca}, cert_file: {store}, key_password_file: opens-it"
    target = f"name: fortress, jmx: '127.0.0.1:{fortress.jmx_port}', collect: [jvm]"
    (tmp_path / "mbeans.yaml").write_text(f"targets:\n  - {{{target}, tls: {{{tls}}}}}\n")
    settings = load(tmp_path / "mbeans.yaml", {})
    assert STORE_PASSWORD not in show(settings)
    tls_settings = build.tls(settings.targets[0])
    assert await domain(fortress, tls=tls_settings, credentials=RIGHT) == "DefaultDomain"


async def test_a_missing_client_certificate_is_reported(fortress: Jvm, papers: Papers) -> None:
    """The error names the setting."""
    error = await refusal(fortress, tls=Tls(registry=True, ca_file=papers.ca), credentials=RIGHT)
    assert error.error_class == "tls"
    assert "tls.cert_file" in str(error)


@pytest.mark.parametrize(("trusted", "words"), [("other_ca", "tls.ca_file"), (None, "tls.ca_file")])
async def test_a_certificate_of_an_unknown_authority_is_rejected(
    encrypted: Jvm, papers: Papers, trusted: str | None, words: str
) -> None:
    """The error names the setting that fixes it."""
    ca_file = None if trusted is None else papers.folder / f"{trusted}.pem"
    error = await refusal(encrypted, tls=Tls(ca_file=ca_file))
    assert error.error_class == "tls"
    assert words in str(error)


async def test_an_expired_certificate_is_rejected(outdated: Jvm, papers: Papers) -> None:
    """The error says that it expired."""
    error = await refusal(outdated, tls=Tls(registry=True, ca_file=papers.ca))
    assert error.error_class == "tls"
    assert "expired" in str(error)


async def test_the_host_name_is_checked_unless_that_is_off(encrypted: Jvm, papers: Papers) -> None:
    """A certificate for 127.0.0.1 is rejected for localhost."""
    options: dict[str, Any] = {"rmi_host": "localhost"}
    error = await refusal(encrypted, tls=Tls(ca_file=papers.ca), **options)
    assert error.error_class == "tls"
    assert "tls.check_hostname" in str(error)
    lenient = Tls(ca_file=papers.ca, check_hostname=False)
    assert await domain(encrypted, tls=lenient, **options) == "DefaultDomain"


async def test_tls_to_a_plain_jvm_is_reported(locked: Jvm, papers: Papers) -> None:
    """TLS to a plain registry or a plain server: the error says which is plain."""
    error = await refusal(locked, tls=Tls(registry=True, ca_file=papers.ca))
    assert error.error_class == "tls"
    assert "does this port speak TLS?" in str(error)
    error = await refusal(locked, tls=Tls(ca_file=papers.ca), credentials=RIGHT)
    assert error.error_class == "tls"
    assert "is plain" in str(error)


async def test_a_plain_connection_to_tls_is_reported(
    encrypted: Jvm, fortress: Jvm, papers: Papers
) -> None:
    """Plain to a TLS server or registry: the error names the setting."""
    error = await refusal(encrypted)
    assert error.error_class == "tls"
    assert "requires TLS" in str(error)
    for tls in (None, Tls(ca_file=papers.ca)):
        error = await refusal(fortress, tls=tls)
        assert error.error_class == "tls"
        assert "tls.registry" in str(error)
