"""Reason why a request got no answer, from the exceptions of the libraries below."""

import http.client
import os
import socket
import ssl
from collections.abc import Iterator

from jmxbridge.influx.outcome import NoAnswer


def no_answer(exc: BaseException) -> NoAnswer:
    """Describe the first exception in the chain that is more specific than its library's own."""
    for cause in _chain(exc):
        match cause:
            case ssl.SSLCertVerificationError():
                reason = _attribute_of_openssl(cause, "verify_message")
                return NoAnswer("tls", f"its certificate is not trusted: {reason}")
            case ssl.SSLError():
                reason = _attribute_of_openssl(cause, "reason").lower().replace("_", " ")
                return NoAnswer("tls", f"TLS failed: {reason}")
            case socket.gaierror():
                return NoAnswer("dns", cause.strerror or "its name cannot be looked up")
            case TimeoutError():
                return NoAnswer("timeout", "no answer in time")
            case ConnectionRefusedError():
                return NoAnswer("refused", "connection refused")
            case ConnectionError():
                return NoAnswer("reset", "connection closed before the answer was complete")
            case OSError() if cause.errno:
                return NoAnswer("network", os.strerror(cause.errno))
            case http.client.HTTPException():
                return NoAnswer("protocol", f"not an HTTP answer ({type(cause).__name__})")
    # Texts of other exceptions may contain headers, and headers contain the secret.
    return NoAnswer("protocol", f"the request failed ({type(exc).__name__})")


def _attribute_of_openssl(exc: ssl.SSLError, name: str) -> str:
    """Return a text that OpenSSL sets; errors that Python raises itself lack the attribute."""
    return getattr(exc, name, None) or "unknown"


def _chain(exc: BaseException) -> Iterator[BaseException]:
    """Yield an exception, its causes, and exceptions in its arguments: urllib3 nests both ways."""
    current: BaseException | None = exc
    while current is not None:
        yield current
        yield from (arg for arg in current.args if isinstance(arg, BaseException))
        current = current.__cause__ or current.__context__
