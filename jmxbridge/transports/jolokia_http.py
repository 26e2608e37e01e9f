"""One POST after the other to one URL, over a connection that is kept.

Rule: an answer is read as far as `MAX_REPLY_BYTES`, and waited for no longer than the caller does:
cancelling closes the socket. No redirect is followed and no proxy, cookie or netrc is used, so a
password goes where the file says and nowhere else; and no message has it.
"""

import base64
import socket
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from jmxbridge.jmx.credentials import Credentials, Tls
from jmxbridge.jmx.errors import ConnectionFailed, RemoteProtocolError
from jmxbridge.jmx.net import tls as tls_words
from jmxbridge.transports.exposure import ExposureWarning

if TYPE_CHECKING:
    import aiohttp
    from aiohttp.connector import AddrInfoType

# A poll of 36,000 MBeans (4,000 partitions of a broker) with six attributes each is some 10 MB.
MAX_REPLY_BYTES = 64 * 2**20


class Poster:
    """Posts JSON to `url`; connects as needed, until `close`.

    `timeout_s` bounds each answer; None leaves that to the caller.
    """

    def __init__(
        self,
        url: str,
        *,
        options: dict[str, str],
        credentials: Credentials | None,
        tls: Tls | None,
        timeout_s: float | None,
    ) -> None:
        self.url = url
        self.round_trips = 0
        self.bytes_received = 0
        self.peer_host: str | None = None  # the IP address that was connected to last
        self._options = options
        self._credentials = credentials
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
        """Return what is answered with 200.

        Asks once more where a connection that was used before turns out to have ended: servers
        close idle ones. Raises ConnectionFailed, and RemoteProtocolError for an endless answer.
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
            async with self._opened().post(
                self.url, params=self._options, data=body, allow_redirects=False
            ) as response:
                self._check_status(response)
                return await self._read(response)
        except TimeoutError as exc:
            said = f"{self.url} did not answer within {self._timeout_s or 0:g} s"
            doubt = "; does it speak TLS?" if self.url.startswith("https:") else ""
            raise ConnectionFailed(said + doubt, "timeout") from exc
        except (aiohttp.ClientError, OSError) as exc:
            raise self._failed(exc) from exc

    def _opened(self) -> "aiohttp.ClientSession":
        import aiohttp

        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=1,
                    ssl=True if self._tls is None else tls_words.context(self._tls),
                    socket_factory=self._socket,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=self._headers(),
                timeout=aiohttp.ClientTimeout(total=self._timeout_s, sock_connect=None),
            )
        return self._session

    def _socket(self, address: "AddrInfoType") -> socket.socket:
        """Make a socket as the library would, and note whom it is for."""
        family, kind, protocol, _, peer = address
        self.peer_host = str(peer[0])
        return socket.socket(family, kind, protocol)

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "User-Agent": "jmxbridge"}
        who = self._credentials
        if who is not None:
            pair = base64.b64encode(f"{who.username}:{who.password}".encode()).decode()
            headers["Authorization"] = f"Basic {pair}"
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
            said = "lets nobody in from here (HTTP 403): see its jolokia-access.xml"
            raise ConnectionFailed(f"{self.url} {said}", "access")
        if 300 <= status < 400:
            place = shown(response.headers.get("Location", ""))
            said = f"leads elsewhere (HTTP {status}), to {place}; name the agent's own address"
            raise ConnectionFailed(f"{self.url} {said}", "not_jolokia")
        if status == 404:
            said = "has nothing at this path (HTTP 404): is it the agent's?"
            raise ConnectionFailed(f"{self.url} {said}", "not_jolokia")
        if status != 200:
            raise ConnectionFailed(f"{self.url} answered with HTTP {status}", "remote")

    def _refusal(self) -> str:
        if self._credentials is None:
            return f"{self.url} wants credentials: set username and password_file"
        return f"{self.url} does not accept the credentials of {self._credentials.username}"

    def _failed(self, exc: Exception) -> ConnectionFailed:
        """Say what an error of the library, or of the socket below it, means."""
        import aiohttp

        if isinstance(exc, aiohttp.ClientConnectorDNSError):
            return ConnectionFailed(f"{self.url}: no such host", "resolve")
        refused = _tls_error(exc)
        if refused is not None:
            said = tls_words.explain(refused, not_tls="https says that it does")
            return ConnectionFailed(f"TLS with {self.url} failed: {said}", "tls")
        if isinstance(exc, aiohttp.ClientConnectorError):
            reason = exc.os_error.strerror or "unreachable"
            word = "refused" if isinstance(exc.os_error, ConnectionRefusedError) else "unreachable"
            return ConnectionFailed(f"{self.url}: {reason.lower()}", word)
        if isinstance(exc, aiohttp.ClientResponseError):
            return ConnectionFailed(f"{self.url} does not speak HTTP", "not_jolokia")
        said = "closed the connection without a whole answer; http or https, is it what it speaks?"
        return ConnectionFailed(f"{self.url} {said}", "closed")


def shown(location: str) -> str:
    """Return as much of a redirect's goal as can hold no secret."""
    parts = urlsplit(location)
    host = parts.netloc.rpartition("@")[2]
    place = f"{parts.scheme}://{host}{parts.path}" if host else parts.path
    return place[:200] if place.isprintable() and place else "an address it does not say"


def _tls_error(exc: Exception) -> ssl.SSLError | None:
    """Find what `ssl` said in an error of the library."""
    for found in (
        getattr(exc, "certificate_error", None),
        getattr(exc, "os_error", None),
        exc.__cause__,
    ):
        if isinstance(found, ssl.SSLError):
            return found
    return None
