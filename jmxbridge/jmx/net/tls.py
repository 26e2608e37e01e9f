"""TLS as Python's `ssl` has it, and what its errors mean.

Rule: what `ssl` says is said, and what to change; nothing falls back to a plain connection.

`ssl` takes keys from files only. A key that is in no PEM file gets a file that is in memory and has
no name but its descriptor's (`memfd_create`, Linux): whatever ends this process, it is gone.
"""

import os
import ssl
from pathlib import Path

from jmxbridge.jmx.credentials import Tls
from jmxbridge.jmx.errors import ConnectionFailed
from jmxbridge.jmx.rmi.jrmp import Endpoint

# How a server that speaks no TLS shows in a handshake: it answers with something else, or, as RMI
# does with a greeting it does not know, closes the socket.
_NOT_TLS = ("WRONG_VERSION_NUMBER", "UNEXPECTED_EOF_WHILE_READING")
# What servers answer to a client without a certificate, or with one they do not trust.
# Java says `certificate unknown` for one whose authority it does not trust.
_REFUSALS = (
    *("CERTIFICATE_REQUIRED", "HANDSHAKE_FAILURE", "BAD_CERTIFICATE", "UNKNOWN_CA"),
    "CERTIFICATE_UNKNOWN",
)
# OpenSSL's X509_V_ERR codes: nobody we trust signed it; it is for another name, or address.
_UNKNOWN_AUTHORITY = (18, 19, 20, 21)
_OTHER_HOST = (62, 64)


def context(tls: Tls) -> ssl.SSLContext:
    """Make what a connection needs; raises ConnectionFailed for a file that is of no use."""
    file = tls.ca_file
    try:
        made = ssl.create_default_context(cafile=None if file is None else str(file))
        made.check_hostname = tls.check_hostname
        if tls.identity is not None:
            _load(made, tls.identity())
        elif tls.cert_file is not None:
            file = tls.key_file or tls.cert_file
            password = _no_password if tls.key_password is None else tls.key_password
            made.load_cert_chain(tls.cert_file, tls.key_file, password=password)
    except OSError as exc:  # every ssl.SSLError is one
        raise ConnectionFailed(f"{file} cannot be used for TLS: {_fault(tls, exc)}", "tls") from exc
    return made


def _fault(tls: Tls, exc: OSError) -> str:
    """Say what is wrong with a file; OpenSSL has no clear word for a wrong password."""
    reason = getattr(exc, "reason", None) or exc.strerror or str(exc)
    is_doubtful = tls.key_password is not None and isinstance(exc, ssl.SSLError)
    return f"{reason}; is tls.key_password right?" if is_doubtful else reason


def _load(made: ssl.SSLContext, identity: bytes) -> None:
    """Take a certificate and its key from memory."""
    with os.fdopen(os.memfd_create("identity"), "wb") as file:
        file.write(identity)
        file.flush()
        made.load_cert_chain(Path("/proc/self/fd") / str(file.fileno()))


def _no_password() -> str:
    """Stand in the way of OpenSSL's question on the terminal."""
    raise OSError("its key is encrypted: tls.key_password_file names what opens it")


def failed(endpoint: Endpoint, exc: OSError) -> ConnectionFailed:
    """Say why a handshake with `endpoint` failed."""
    said = explain(exc, not_tls="tls.registry says whether the registry does")
    return ConnectionFailed(f"TLS with {endpoint} failed: {said}", "tls")


def explain(exc: OSError, *, not_tls: str) -> str:
    """Say what ended a handshake; `not_tls` is what to look at if the port speaks no TLS."""
    if isinstance(exc, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {exc.verify_message}{_remedy(exc)}"
    if not isinstance(exc, ssl.SSLError) or exc.reason in _NOT_TLS:
        return (
            f"it closed the connection or answered with something else ({_short(exc)}); does this"
            f" port speak TLS? ({not_tls})"
        )
    if any(each in (exc.reason or "") for each in _REFUSALS):
        return (
            f"it refused us ({_short(exc)}); if it wants a client certificate, set tls.cert_file"
            " and tls.key_file to one that it trusts"
        )
    return _short(exc)


def _short(exc: OSError) -> str:
    reason = exc.reason if isinstance(exc, ssl.SSLError) else exc.strerror
    return (reason or str(exc) or "end of the stream").lower().replace("_", " ")


def _remedy(exc: ssl.SSLCertVerificationError) -> str:
    if exc.verify_code in _UNKNOWN_AUTHORITY:
        return "; tls.ca_file names the authority that signed it"
    if exc.verify_code in _OTHER_HOST:
        return "; tls.check_hostname: false accepts a certificate for any host"
    return ""
