"""HTTP requests to one InfluxDB through influxdb-client: a write, and a probe's GET.

Rule: the only file that uses influxdb-client and urllib3. The first request imports them, on its
own thread: they cost 0.4 s and 30 MB, which a run without InfluxDB never pays.

The library builds the request. Its batching, retries and error texts are not used: they drop lines
that could not be sent, repeat requests that must not be repeated, and read answers without a bound.
The connection pool is extended to record every socket, so that another thread can shut it down, and
to cut an answer at MAX_BODY_BYTES before the library sees it.
"""

import socket
import threading
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from jmxbridge.influx.body import Body
from jmxbridge.influx.outcome import HttpAnswer, NoAnswer, Outcome
from jmxbridge.influx.redaction import Redaction
from jmxbridge.influx.request_error import no_answer

MAX_BODY_BYTES = 65_536
"""Most bytes of an answer that are read. InfluxDB's answers are short, but repeat lines it could
not parse; a web page is not short.
"""


@dataclass(frozen=True, slots=True)
class Login:
    """Credentials, sent behind `Token` in the Authorization header, and the secrets in them."""

    credentials: str | None = field(default=None, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)


class HttpSession:
    """Connections to one server, used by one thread at a time; any thread may call `abort`.

    `read_login` is called before each request, on its thread.
    """

    def __init__(
        self,
        url: str,
        *,
        bucket: str,
        org: str,
        read_login: Callable[[], Login],
        timeout_s: tuple[float, float],
    ) -> None:
        self._url = url.rstrip("/")
        self._bucket = bucket
        self._org = org
        self._read_login = read_login
        self._login = Login()
        self._secrets: set[str] = set()
        self._redacted = Redaction(())
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._service: Any = None
        # An aborted write may still be ending on its thread while the next one runs: the answer to
        # one must never be taken for the answer to the other.
        self._local = threading.local()

    def post(self, body: Body) -> Outcome:
        """Send line protocol and wait for the answer; every error is a NoAnswer."""

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
        """Send a GET with the same credentials and wait for the answer."""

        def send(service: Any) -> None:
            credentials = self._login.credentials
            headers = {"Authorization": f"Token {credentials}"} if credentials else {}
            service.api_client.rest_client.pool_manager.request(
                "GET",
                f"{self._url}{path}",
                fields=dict(query),
                headers=headers,
                redirect=False,
                retries=False,
                timeout=self._timeout_s[1],
            )

        return self._exchange(send)

    def abort(self) -> None:
        """Shut down every socket: a thread that waits on one returns at once."""
        with self._lock:
            sockets = list(self._sockets)
        for connected in sockets:
            with suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connections; a later request opens new ones."""
        self.abort()
        if self._service is not None:
            self._service.api_client.rest_client.pool_manager.clear()

    def _exchange(self, send: Callable[[Any], None]) -> Outcome:
        self._local.answer = None
        failure = NoAnswer("protocol", "no answer was read")
        try:
            self._log_in()
            if self._service is None:
                self._service = self._connect()
            send(self._service)
        except Exception as exc:
            # The library raises for many statuses too; the pool has recorded the answer then.
            failure = no_answer(exc)
        answer: HttpAnswer | None = self._local.answer
        return answer or failure

    def _log_in(self) -> None:
        """Take the current login; another one needs another client, which keeps its header."""
        login = self._read_login()
        if login == self._login:
            return
        self._login = login
        # An answer to a request with the login before may still arrive.
        self._secrets.update((*login.secrets, login.credentials or ""))
        self._redacted = Redaction(self._secrets)
        if self._service is not None:
            self._service.api_client.rest_client.pool_manager.clear()
            self._service = None

    def _connect(self) -> Any:
        import urllib3
        from influxdb_client.client.influxdb_client import InfluxDBClient
        from influxdb_client.service.write_service import WriteService

        connect_s, read_s = self._timeout_s
        client = InfluxDBClient(
            self._url,
            token=self._login.credentials or "",  # empty: no Authorization header
            org=self._org,
            timeout=(int(connect_s * 1000), int(read_s * 1000)),
            retries=False,
        )
        pools = client.api_client.rest_client.pool_manager
        pools.pool_classes_by_scheme = {
            "http": self._recording(urllib3.HTTPConnectionPool),
            "https": self._recording(urllib3.HTTPSConnectionPool),
        }
        service: Any = WriteService
        return service(client.api_client)

    def _recording(self, pool: Any) -> Any:
        """Return a pool class that records its sockets and its answers, cut at the bound."""
        session = self

        class RecordingConnection(pool.ConnectionCls):  # type: ignore[misc]  # class is an argument
            def connect(self) -> None:
                super().connect()
                with session._lock:
                    session._sockets.add(self.sock)

        class RecordingPool(pool):  # type: ignore[misc]  # the class is an argument
            ConnectionCls = RecordingConnection

            def urlopen(self, *args: Any, **options: Any) -> Any:
                response = super().urlopen(*args, **{**options, "preload_content": False})
                session._local.answer = session._read(response)
                return type(response)(b"", response.headers, response.status)

        return RecordingPool

    def _read(self, response: Any) -> HttpAnswer:
        body = response.read(MAX_BODY_BYTES)
        if len(body) < MAX_BODY_BYTES:
            response.release_conn()
        else:
            response.close()  # a connection is not worth reading the rest
        location = response.headers.get("Location")
        return HttpAnswer(
            status=response.status,
            body=self._redacted(body.decode("utf-8", "replace")),
            content_type=response.headers.get("Content-Type", ""),
            retry_after=response.headers.get("Retry-After"),
            location=None if location is None else self._redacted(location),
            version=response.headers.get("X-Influxdb-Version"),
            date=response.headers.get("Date"),
        )
