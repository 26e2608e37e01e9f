"""Client certificates in PKCS#12 stores: what is made of them, and what is said of bad ones."""

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
def test_key_and_certificate_come_out(folder: Path, name: str) -> None:
    """As PEM, the key first; with any way to lock the store, also none."""
    found = pkcs12.pem(folder / f"{name}.p12", "" if name == "open" else PASSWORD)
    assert found.startswith(b"-----BEGIN PRIVATE KEY-----")
    assert (folder / "cert.pem").read_bytes().strip() in found


def test_the_key_is_in_no_file(folder: Path) -> None:
    """What OpenSSL reads it from is in memory, and closed afterwards."""
    before = set(os.listdir("/proc/self/fd")), sorted(folder.iterdir())
    settings = ClientTls(cert_file=folder / "locked.p12", key_password=PASSWORD)  # type: ignore[arg-type]
    context(client_tls(settings))
    assert before == (set(os.listdir("/proc/self/fd")), sorted(folder.iterdir()))


@pytest.mark.parametrize(
    ("name", "password", "said"),
    [
        ("locked", WRONG, "key_password"),
        ("locked", None, "key_password"),
        ("text", PASSWORD, "no PKCS#12 store"),
        ("trust", PASSWORD, "is it a trust store?"),
        ("missing", PASSWORD, "No such file"),
        ("large", PASSWORD, "larger than 1 MiB"),
    ],
)
def test_a_store_that_is_of_no_use(
    folder: Path, name: str, password: str | None, said: str
) -> None:
    """It is named, with what is the matter; no password is."""
    file = folder / f"{name}.p12"
    with pytest.raises(ConnectionFailed, match=said) as caught:
        pkcs12.pem(file, password)
    assert caught.value.error_class == "tls"
    assert str(file) in str(caught.value)
    assert password is None or password not in str(caught.value)


def test_the_extra_that_reads_them_is_missing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says what to install."""
    real = builtins.__import__

    def without(name: str, *args: Any, **options: Any) -> Any:
        if name.startswith("cryptography"):
            raise ModuleNotFoundError(name)
        return real(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConnectionFailed, match=r"pip install 'jmxbridge\[pkcs12\]'"):
        pkcs12.pem(folder / "locked.p12", PASSWORD)


def test_a_pem_key_with_a_password(folder: Path) -> None:
    """It is opened where the password is right; a wrong one is doubted, not told."""
    openssl(folder, f"ec -in key.pem -aes256 -passout pass:{PASSWORD} -out sealed.pem")
    files = {"cert_file": folder / "cert.pem", "key_file": folder / "sealed.pem"}
    context(Tls(**files, key_password=PASSWORD))  # type: ignore[arg-type]
    with pytest.raises(ConnectionFailed, match=r"is tls\.key_password right\?") as caught:
        context(Tls(**files, key_password=WRONG))  # type: ignore[arg-type]
    assert WRONG not in str(caught.value)
