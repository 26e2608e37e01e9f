"""TLS contexts, and explanations of TLS errors.

Rule: an error quotes what `ssl` reports and says what to change; nothing falls back to a plain
connection.

`ssl` reads keys from files only. A key that is not in a PEM file gets a file in memory that has no
name except that of its descriptor (`memfd_create`, Linux); it is gone when this process ends,
however that happens.
"""

import os
import ssl
from pathlib import Path

from jmxbridge.jmx.credentials import Tls
from jmxbridge.jmx.errors import ConnectionFailed
from jmxbridge.jmx.rmi.jrmp import Endpoint

# Reasons of a handshake with a server that does not speak TLS: it answers with something else, or
# closes the socket, as RMI does after a greeting that it does not know.
_NOT_TLS = ("WRONG_VERSION_NUMBER", "UNEXPECTED_EOF_WHILE_READING")
# Alerts that servers send to a client without a certificate, or with one they do not trust. Java
# sends `certificate unknown` if it does not trust the certificate's authority.
_REJECTIONS = (
    "CERTIFICATE_REQUIRED",
    "HANDSHAKE_FAILURE",
    "BAD_CERTIFICATE",
    "UNKNOWN_CA",
    "CERTIFICATE_UNKNOWN",
)
# OpenSSL's X509_V_ERR codes: no trusted authority signed the certificate; it is for another host
# name, or another IP address.
_UNKNOWN_AUTHORITY = (18, 19, 20, 21)
_OTHER_HOST = (62, 64)


def context(tls: Tls) -> ssl.SSLContext:
    """Return an SSL context for `tls`; raises ConnectionFailed for a file that cannot be used."""
    file = tls.ca_file
    try:
        ssl_context = ssl.create_default_context(cafile=None if file is None else str(file))
        ssl_context.check_hostname = tls.check_hostname
        if tls.identity is not None:
            _load_identity(ssl_context, tls.identity())
        elif tls.cert_file is not None:
            file = tls.key_file or tls.cert_file
            password = _no_password if tls.key_password is None else tls.key_password
            ssl_context.load_cert_chain(tls.cert_file, tls.key_file, password=password)
    except OSError as exc:  # includes ssl.SSLError
        raise ConnectionFailed(
            f"{file} cannot be used for TLS: {_file_problem(tls, exc)}", "tls"
        ) from exc
    return ssl_context


def _file_problem(tls: Tls, exc: OSError) -> str:
    """Return the reason, and a hint because OpenSSL has no clear error for a wrong password."""
    reason = getattr(exc, "reason", None) or exc.strerror or str(exc)
    is_encrypted = tls.key_password is not None and isinstance(exc, ssl.SSLError)
    return f"{reason}; is tls.key_password right?" if is_encrypted else reason


def _load_identity(ssl_context: ssl.SSLContext, identity: bytes) -> None:
    """Load a certificate and its key, PEM, from memory."""
    with os.fdopen(os.memfd_create("identity"), "wb") as file:
        file.write(identity)
        file.flush()
        ssl_context.load_cert_chain(Path("/proc/self/fd") / str(file.fileno()))


def _no_password() -> str:
    """Raise, instead of letting OpenSSL prompt for a password on the terminal."""
    raise OSError("its key is encrypted: set tls.key_password_file")


def handshake_error(endpoint: Endpoint, exc: OSError) -> ConnectionFailed:
    """Return the error for a failed handshake with `endpoint`."""
    reason = explain(exc, not_tls="tls.registry says whether the registry does")
    return ConnectionFailed(f"TLS with {endpoint} failed: {reason}", "tls")


def explain(exc: OSError, *, not_tls: str) -> str:
    """Return the reason of a failed handshake; `not_tls` is a hint for a port without TLS."""
    if isinstance(exc, ssl.SSLCertVerificationError):
        reason = getattr(exc, "verify_message", exc)
        return f"its certificate was rejected: {reason}{_hint(exc)}"
    # Only errors of OpenSSL have a reason.
    reason = getattr(exc, "reason", None)
    if not isinstance(exc, ssl.SSLError) or reason in _NOT_TLS:
        return (
            f"it closed the connection or answered with something else ({_reason(exc)}); does this"
            f" port speak TLS? ({not_tls})"
        )
    if any(rejection in (reason or "") for rejection in _REJECTIONS):
        return (
            f"it rejected the handshake ({_reason(exc)}); if it requires a client certificate, set"
            " tls.cert_file and tls.key_file to one that it trusts"
        )
    return _reason(exc)


def _reason(exc: OSError) -> str:
    reason = getattr(exc, "reason", None) if isinstance(exc, ssl.SSLError) else exc.strerror
    return (reason or str(exc) or "end of the stream").lower().replace("_", " ")


def _hint(exc: ssl.SSLCertVerificationError) -> str:
    code = getattr(exc, "verify_code", None)
    if code in _UNKNOWN_AUTHORITY:
        return "; set tls.ca_file to the authority that signed it"
    if code in _OTHER_HOST:
        return "; tls.check_hostname: false accepts a certificate for any host"
    return ""
