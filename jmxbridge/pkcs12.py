"""Client certificates in PKCS#12 stores, as Java and Windows keep them, converted to PEM.

`cryptography` reads them; it is an extra of the package, since most targets need no store. The key
stays in memory: `jmx.net.tls` passes it to OpenSSL without a file on disk.
"""

from pathlib import Path

from jmxbridge.jmx.errors import ConnectionFailed

MAX_BYTES = 2**20
"""A certificate with its chain and its key is a few KiB."""


def pem(path: Path, password: str | None) -> bytes:
    """Return the key of a store and its certificate chain, as PEM.

    Raises ConnectionFailed, whose message names the file and never the password.
    """
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.serialization import pkcs12
    except ImportError as exc:
        raise _failed(
            path, "PKCS#12 needs an extra of this package: pip install 'jmxbridge[pkcs12]'"
        ) from exc
    raw = _read(path)
    try:
        store = pkcs12.load_pkcs12(raw, None if password is None else password.encode())
    except UnsupportedAlgorithm as exc:
        raise _failed(path, f"{exc}; convert it with `keytool -importkeystore`") from exc
    except ValueError as exc:
        raise _failed(path, "no PKCS#12 store, or tls.key_password is wrong") from exc
    if store.key is None or store.cert is None:
        raise _failed(path, "it has no key with its certificate; is it a trust store?")
    key = store.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    chain = [store.cert, *store.additional_certs]
    certificates = (link.certificate.public_bytes(serialization.Encoding.PEM) for link in chain)
    return key + b"".join(certificates)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as exc:
        raise _failed(path, exc.strerror or "not readable") from exc
    if len(raw) > MAX_BYTES:
        raise _failed(path, f"larger than {MAX_BYTES // 2**20} MiB")
    return raw


def _failed(path: Path, why: str) -> ConnectionFailed:
    return ConnectionFailed(f"{path} cannot be used for TLS: {why}", "tls")
