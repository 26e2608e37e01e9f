"""influxdb-client, kept to what it is needed for: one POST to /api/v2/write,
and the few questions of a probe.

Rule: the only file that knows influxdb-client and urllib3. They are imported by the first write, on
its thread: they cost 0.4 s and 30 MB, which a run without InfluxDB never pays.

The library builds the request. Its batching, retries and error texts are not used: they drop what
could not be sent, repeat what should not be, and read answers without a bound. The connection pool
is told to note every socket, so that another thread can shut it, and to cut an answer at
MAX_BODY_BYTES before the library sees it.
"""

import http.client
import os
import socket
import ssl
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from jmxbridge.influx.body import Body
from jmxbridge.influx.verdict import Answer, Failure, Outcome

MAX_BODY_BYTES = 65_536
"""Of an answer. InfluxDB's are short, but repeat lines it could not parse; a web page's are not."""

SHORTEST_SECRET = 8
"""Shorter ones stand in ordinary words; to hide them there would hide the server's message."""


class Session:
    """Connections to one server, used by one thread at a time; `abort` may come from any."""

    def __init__(
        self,
        url: str,
        *,
        bucket: str,
        org: str,
        token: str | None,
        secrets: tuple[str, ...],
        timeout_s: tuple[float, float],
    ) -> None:
        self._url = url.rstrip("/")
        self._bucket = bucket
        self._org = org
        self._token = token
        long = (each for each in (*secrets, token or "") if len(each) >= SHORTEST_SECRET)
        self._secrets = tuple(sorted(long, key=len, reverse=True))
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._service: Any = None
        # A write that was given up may still be ending on its thread while the next one runs: the
        # answer to one must never be taken for the other's.
        self._local = threading.local()

    def post(self, body: Body) -> Outcome:
        """Send line protocol and wait for the answer; every way to fail is a Failure."""

        def send(service: Any) -> None:
            service.post_write(
                self._org,
                self._bucket,
                body.packed,
                precision="ns",
                content_encoding="gzip",
                urlopen_kw={"redirect": False},
            )

        return self._exchange(send)

    def get(self, path: str, query: Mapping[str, str]) -> Outcome:
        """Ask for something, with the same credentials."""

        def ask(service: Any) -> None:
            headers = {"Authorization": f"Token {self._token}"} if self._token else {}
            service.api_client.rest_client.pool_manager.request(
                "GET",
                f"{self._url}{path}",
                fields=dict(query),
                headers=headers,
                redirect=False,
                retries=False,
                timeout=self._timeout_s[1],
            )

        return self._exchange(ask)

    def _exchange(self, send: Callable[[Any], None]) -> Outcome:
        self._local.answer = None
        failure = Failure("protocol", "no answer was read")
        try:
            if self._service is None:
                self._service = self._connect()
            send(self._service)
        except Exception as exc:
            # Also for every status the library does not like; the pool has noted the answer then.
            failure = self._failure(exc)
        answer: Answer | None = self._local.answer
        return answer or failure

    def abort(self) -> None:
        """Shut every socket: a thread that waits on one comes back at once."""
        with self._lock:
            sockets = list(self._sockets)
        for each in sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Shut and forget the connections; a later write makes new ones."""
        self.abort()
        if self._service is not None:
            self._service.api_client.rest_client.pool_manager.clear()

    def _connect(self) -> Any:
        import urllib3
        from influxdb_client.client.influxdb_client import InfluxDBClient
        from influxdb_client.service.write_service import WriteService

        connect_s, read_s = self._timeout_s
        client = InfluxDBClient(
            self._url,
            token=self._token or "",  # none: no Authorization header
            org=self._org,
            timeout=(int(connect_s * 1000), int(read_s * 1000)),
            retries=False,
        )
        pools = client.api_client.rest_client.pool_manager
        pools.pool_classes_by_scheme = {
            "http": self._watched(urllib3.HTTPConnectionPool),
            "https": self._watched(urllib3.HTTPSConnectionPool),
        }
        service: Any = WriteService
        return service(client.api_client)

    def _watched(self, pool: Any) -> Any:
        """A pool class whose sockets can be shut from outside and whose answers are bounded."""
        session = self

        class Connection(pool.ConnectionCls):  # type: ignore[misc]  # the class is an argument
            def connect(self) -> None:
                super().connect()
                with session._lock:
                    session._sockets.add(self.sock)

        class Pool(pool):  # type: ignore[misc]  # the class is an argument
            ConnectionCls = Connection

            def urlopen(self, *args: Any, **options: Any) -> Any:
                response = super().urlopen(*args, **{**options, "preload_content": False})
                session._local.answer = session._read(response)
                return type(response)(b"", response.headers, response.status)

        return Pool

    def _read(self, response: Any) -> Answer:
        body = response.read(MAX_BODY_BYTES)
        if len(body) < MAX_BODY_BYTES:
            response.release_conn()
        else:
            response.close()  # the rest is not worth reading to keep a connection
        location = response.headers.get("Location")
        return Answer(
            status=response.status,
            body=self._redacted(body.decode("utf-8", "replace")),
            content_type=response.headers.get("Content-Type", ""),
            retry_after=response.headers.get("Retry-After"),
            location=None if location is None else self._redacted(location),
            version=response.headers.get("X-Influxdb-Version"),
            date=response.headers.get("Date"),
        )

    def _failure(self, exc: BaseException) -> Failure:
        """The first cause in the chain that says more than the library around it."""
        for cause in _chain(exc):
            match cause:
                case ssl.SSLCertVerificationError():
                    return Failure("tls", f"its certificate is not trusted: {cause.verify_message}")
                case ssl.SSLError():
                    reason = (cause.reason or "unknown").lower().replace("_", " ")
                    return Failure("tls", f"TLS failed: {reason}")
                case socket.gaierror():
                    return Failure("dns", cause.strerror or "its name cannot be looked up")
                case TimeoutError():
                    return Failure("timeout", "no answer in time")
                case ConnectionRefusedError():
                    return Failure("refused", "connection refused")
                case ConnectionError():
                    return Failure("reset", "connection closed before the answer was complete")
                case OSError() if cause.errno:
                    return Failure("network", os.strerror(cause.errno))
                case http.client.HTTPException():
                    return Failure("protocol", f"not an HTTP answer ({type(cause).__name__})")
        # Texts of other exceptions may hold headers, and headers hold the secret.
        return Failure("protocol", f"the request failed ({type(exc).__name__})")

    def _redacted(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


def _chain(exc: BaseException) -> Iterator[BaseException]:
    """An exception, what it was raised from, and what it carries: urllib3 nests both ways."""
    current: BaseException | None = exc
    while current is not None:
        yield current
        yield from (arg for arg in current.args if isinstance(arg, BaseException))
        current = current.__cause__ or current.__context__
