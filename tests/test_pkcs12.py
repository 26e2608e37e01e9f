"""pkcs12: client certificates as PEM, and the errors of unusable stores."""

import builtins
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from jmxbridge import pkcs12
from jmxbridge.build import client_tls
from jmxbridge.config.model.models import ClientTls
from jmxbridge.jmx import ConnectionFailed, Tls
from jmxbridge.jmx.net.tls import context

PASSWORD = "swordfish"  # noqa: S105 - of stores that live as long as a test
WRONG = "hunter2"


def openssl(folder: Path, command: str) -> None:
    subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`cert.pem` with its key in `key.pem`; both in `NAME.p12`, `trust.p12` has no key."""
    made = tmp_path_factory.mktemp("stores")
    key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    openssl(made, f"req -x509 {key} -keyout key.pem -out cert.pem -subj /CN=me")
    both = "pkcs12 -export -in cert.pem -inkey key.pem"
    openssl(made, f"{both} -passout pass:{PASSWORD} -out locked.p12")
    openssl(made, f"{both} -passout pass: -out open.p12")
    openssl(made, f"{both} -passout pass:{PASSWORD} -keypbe NONE -certpbe NONE -out bare.p12")
    openssl(made, f"pkcs12 -export -nokeys -in cert.pem -passout pass:{PASSWORD} -out trust.p12")
    (made / "text.p12").write_text("not a store")
    (made / "large.p12").write_bytes(bytes(pkcs12.MAX_BYTES + 1))
    return made


@pytest.mark.parametrize("name", ["locked", "open", "bare"])
def test_pem_returns_key_and_certificate(folder: Path, name: str) -> None:
    """The key comes first; the store may be encrypted in any way, or not at all."""
    pem = pkcs12.pem(folder / f"{name}.p12", "" if name == "open" else PASSWORD)
    assert pem.startswith(b"-----BEGIN PRIVATE KEY-----")
    assert (folder / "cert.pem").read_bytes().strip() in pem


def test_pem_leaves_the_key_in_no_file(folder: Path) -> None:
    """OpenSSL reads it from memory, which is closed afterwards."""
    before = set(os.listdir("/proc/self/fd")), sorted(folder.iterdir())
    settings = ClientTls(cert_file=folder / "locked.p12", key_password=PASSWORD)  # type: ignore[arg-type]
    context(client_tls(settings))
    assert before == (set(os.listdir("/proc/self/fd")), sorted(folder.iterdir()))


@pytest.mark.parametrize(
    ("name", "password", "message"),
    [
        ("locked", WRONG, "key_password"),
        ("locked", None, "key_password"),
        ("text", PASSWORD, "no PKCS#12 store"),
        ("trust", PASSWORD, "is it a trust store?"),
        ("missing", PASSWORD, "No such file"),
        ("large", PASSWORD, "larger than 1 MiB"),
    ],
)
def test_pem_refuses_a_store_that_is_of_no_use(
    folder: Path, name: str, password: str | None, message: str
) -> None:
    """The error names the file and the reason, and never the password."""
    file = folder / f"{name}.p12"
    with pytest.raises(ConnectionFailed, match=message) as caught:
        pkcs12.pem(file, password)
    assert caught.value.error_class == "tls"
    assert str(file) in str(caught.value)
    assert password is None or password not in str(caught.value)


def test_pem_without_the_extra_says_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`cryptography` comes with an extra of the package."""
    real = builtins.__import__

    def without(name: str, *args: Any, **options: Any) -> Any:
        if name.startswith("cryptography"):
            raise ModuleNotFoundError(name)
        return real(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConnectionFailed, match=r"pip install 'jmxbridge\[pkcs12\]'"):
        pkcs12.pem(folder / "locked.p12", PASSWORD)


def test_context_opens_a_pem_key_with_its_password(folder: Path) -> None:
    """A wrong password is doubted in the error, and not part of it."""
    openssl(folder, f"ec -in key.pem -aes256 -passout pass:{PASSWORD} -out sealed.pem")
    files = {"cert_file": folder / "cert.pem", "key_file": folder / "sealed.pem"}
    context(Tls(**files, key_password=PASSWORD))  # type: ignore[arg-type]
    with pytest.raises(ConnectionFailed, match=r"is tls\.key_password right\?") as caught:
        context(Tls(**files, key_password=WRONG))  # type: ignore[arg-type]
    assert WRONG not in str(caught.value)
