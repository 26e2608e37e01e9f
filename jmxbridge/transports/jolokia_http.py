"""HTTP client of a Jolokia agent: one POST after the other to one URL, over a kept connection.

Rule: an answer has at most `MAX_REPLY_BYTES`, and cancelling a call closes the socket. No redirect
is followed and no proxy, cookie or netrc is used, so the password goes only to the configured URL,
and no error message contains it.
"""

import asyncio
import base64
import socket
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from jmxbridge.jmx.credentials import Credentials, Tls
from jmxbridge.jmx.errors import ConnectionFailed, RemoteProtocolError
from jmxbridge.jmx.net import tls as jmx_tls
from jmxbridge.transports.exposure import ExposureWarning

if TYPE_CHECKING:
    import aiohttp
    from aiohttp.connector import AddrInfoType

MAX_REPLY_BYTES = 64 * 2**20
"""A poll of 36,000 MBeans (a broker with 4,000 partitions), six attributes each, is some 10 MB."""


class Poster:
    """Posts JSON to `url`; connects as needed, until `close`.

    `timeout_s` bounds each answer; None leaves that to the caller.
    """

    def __init__(
        self,
        url: str,
        *,
        options: dict[str, str],
        credentials: Callable[[], Credentials] | None,
        tls: Tls | None,
        timeout_s: float | None,
    ) -> None:
        self.url = url
        self.round_trips = 0
        self.bytes_received = 0
        self.peer_host: str | None = None  # the last IP address it connected to
        self._options = options
        self._read_credentials = credentials
        self._credentials: Credentials | None = None
        self._tls = tls
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None
        self._has_answered = False
        self._exposure = ExposureWarning(
            url,
            "Jolokia without TLS and without a password: anyone who reaches it can use it",
            has_tls=url.startswith("https:"),
            has_password=credentials is not None,
        )

    async def close(self) -> None:
        """Close the connection."""
        session, self._session = self._session, None
        self._has_answered = False
        if session is not None:
            await session.close()

    async def post(self, body: bytes) -> bytes:
        """Return the body of an answer with status 200.

        Tries once more if a connection that was used before turns out to be closed: servers close
        idle ones. Raises ConnectionFailed, and RemoteProtocolError for an answer beyond the limit.
        """
        try:
            answer = await self._exchange(body)
        except ConnectionFailed as exc:
            if exc.error_class != "closed" or not self._has_answered:
                raise
            self._has_answered = False
            answer = await self._exchange(body)
        self._has_answered = True
        self._exposure.check(self.peer_host)
        self.round_trips += 1
        self.bytes_received += len(answer)
        return answer

    async def _exchange(self, body: bytes) -> bytes:
        import aiohttp

        try:
            session = await self._open_session()
            async with session.post(
                self.url, params=self._options, data=body, allow_redirects=False
            ) as response:
                self._check_status(response)
                return await self._read(response)
        except TimeoutError as exc:
            hint = "; does it speak TLS?" if self.url.startswith("https:") else ""
            raise ConnectionFailed(
                f"{self.url} did not answer within {self._timeout_s or 0:g} s{hint}", "timeout"
            ) from exc
        except (aiohttp.ClientError, OSError) as exc:
            raise self._failed(exc) from exc

    async def _open_session(self) -> "aiohttp.ClientSession":
        import aiohttp

        if self._session is None:
            if self._read_credentials is not None:
                self._credentials = await asyncio.to_thread(self._read_credentials)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=1,
                    ssl=True if self._tls is None else jmx_tls.context(self._tls),
                    socket_factory=self._socket,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=self._headers(),
                timeout=aiohttp.ClientTimeout(total=self._timeout_s, sock_connect=None),
            )
        return self._session

    def _socket(self, address: "AddrInfoType") -> socket.socket:
        """Make a socket as aiohttp would, and note the address it is for."""
        family, kind, protocol, _, peer = address
        self.peer_host = str(peer[0])
        return socket.socket(family, kind, protocol)

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "User-Agent": "jmxbridge"}
        credentials = self._credentials
        if credentials is not None:
            pair = f"{credentials.username}:{credentials.password}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        return headers

    async def _read(self, response: "aiohttp.ClientResponse") -> bytes:
        received = bytearray()
        async for chunk in response.content.iter_any():
            received += chunk
            if len(received) > MAX_REPLY_BYTES:
                limit = MAX_REPLY_BYTES // 2**20
                raise RemoteProtocolError(f"{self.url} answered with more than {limit} MiB")
        return bytes(received)

    def _check_status(self, response: "aiohttp.ClientResponse") -> None:
        status = response.status
        if status == 401:
            raise ConnectionFailed(self._refusal(), "access")
        if status == 403:
            raise ConnectionFailed(
                f"{self.url} denied this host (HTTP 403): check the agent's jolokia-access.xml",
                "access",
            )
        if 300 <= status < 400:
            location = shown(response.headers.get("Location", ""))
            raise ConnectionFailed(
                f"{self.url} redirects to {location} (HTTP {status});"
                " configure the agent's own URL",
                "not_jolokia",
            )
        if status == 404:
            raise ConnectionFailed(
                f"{self.url} has nothing at this path (HTTP 404): is it the agent's path?",
                "not_jolokia",
            )
        if status != 200:
            raise ConnectionFailed(f"{self.url} answered with HTTP {status}", "remote")

    def _refusal(self) -> str:
        if self._credentials is None:
            return f"{self.url} requires credentials: set username and password_file"
        return f"{self.url} does not accept the credentials of {self._credentials.username}"

    def _failed(self, exc: Exception) -> ConnectionFailed:
        """Translate an error of aiohttp, or of the socket below it."""
        import aiohttp

        if isinstance(exc, aiohttp.ClientConnectorDNSError):
            return ConnectionFailed(f"{self.url}: no such host", "resolve")
        refused = _tls_error(exc)
        if refused is not None:
            reason = jmx_tls.explain(refused, not_tls="https says that it does")
            return ConnectionFailed(f"TLS with {self.url} failed: {reason}", "tls")
        if isinstance(exc, aiohttp.ClientConnectorError):
            reason = exc.os_error.strerror or "unreachable"
            is_refused = isinstance(exc.os_error, ConnectionRefusedError)
            error_class = "refused" if is_refused else "unreachable"
            return ConnectionFailed(f"{self.url}: {reason.lower()}", error_class)
        if isinstance(exc, aiohttp.ClientResponseError):
            return ConnectionFailed(f"{self.url} does not speak HTTP", "not_jolokia")
        return ConnectionFailed(
            f"{self.url} closed the connection mid-answer; is the scheme (http/https) right?",
            "closed",
        )


def shown(location: str) -> str:
    """Return the part of a redirect's location that cannot hold a secret."""
    parts = urlsplit(location)
    host = parts.netloc.rpartition("@")[2]
    location = f"{parts.scheme}://{host}{parts.path}" if host else parts.path
    return location[:200] if location.isprintable() and location else "an address it does not name"


def _tls_error(exc: Exception) -> ssl.SSLError | None:
    """Return the error of `ssl` inside an error of aiohttp."""
    for cause in (
        getattr(exc, "certificate_error", None),
        getattr(exc, "os_error", None),
        exc.__cause__,
    ):
        if isinstance(cause, ssl.SSLError):
            return cause
    return None
