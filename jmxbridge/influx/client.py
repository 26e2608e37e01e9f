"""One write to InfluxDB: ready bytes in, an outcome out, on a thread that may be given up.

Rule: nothing that goes wrong with a server is an exception here. A write ends in an `Answer` or a
`Failure`, within the deadline, whatever the other side does.

The client library blocks, so each write runs on a thread of its own; threads are daemons, because
one may be inside a name lookup when the program wants to end. A server that takes the bytes and
says nothing, or says it one byte a second, is cut off at the deadline by shutting its socket, which
ends the thread as well.
"""

import asyncio
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from urllib.parse import urlsplit

from jmxbridge.influx.body import Body
from jmxbridge.influx.http import Session
from jmxbridge.influx.verdict import Failure, Outcome

CONNECT_S = 5.0
"""A server that does not take a connection by then is as good as away; the lines are safe."""

READ_S = 15.0
"""Above the 10 s after which InfluxDB itself gives a write up and says so (`write-timeout`)."""

DEADLINE_S = 30.0
"""Of a whole write, however slowly its bytes trickle."""


class Writer:
    """Writes to one bucket of one InfluxDB."""

    def __init__(
        self,
        url: str,
        *,
        bucket: str,
        org: str | None = None,
        token: str | None = None,
        username: str | None = None,
        password: str | None = None,
        connect_s: float = CONNECT_S,
        read_s: float = READ_S,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        """Set up a writer; nothing is sent and nothing imported yet.

        2.x: `org` and `token`. 1.8: `username` and `password`, or neither; `bucket` is the
        database, or database/retention-policy. Raises ValueError for a URL or credentials that
        cannot be used.
        """
        _check_url(url)
        self.url = url
        self.bucket = bucket
        self.org = org
        self._deadline_s = deadline_s
        self._session = Session(
            url,
            bucket=bucket,
            org=org or "-",
            token=_credentials(token, username, password),
            secrets=tuple(secret.strip() for secret in (token, password) if secret),
            timeout_s=(connect_s, read_s),
        )

    def __repr__(self) -> str:
        return f"<Writer {self.url}>"

    async def write(self, body: Body) -> Outcome:
        """Send line protocol; raises nothing but CancelledError, and that at once."""
        return await self._on_a_thread(lambda: self._session.post(body))

    async def get(self, path: str, query: Mapping[str, str]) -> Outcome:
        """Ask for something of this server, with the same credentials, deadline and outcomes."""
        return await self._on_a_thread(lambda: self._session.get(path, query))

    async def _on_a_thread(self, call: Callable[[], Outcome]) -> Outcome:
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[Outcome] = loop.create_future()

        def finish(result: Outcome) -> None:
            if not outcome.done():
                outcome.set_result(result)

        def run() -> None:
            result = call()
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(finish, result)

        try:
            threading.Thread(target=run, name="jmxbridge-influx", daemon=True).start()
        except RuntimeError as exc:
            return Failure("thread", f"no thread for the request: {exc}")
        try:
            async with asyncio.timeout(self._deadline_s):
                return await outcome
        except TimeoutError:
            self._session.abort()
            return Failure("timeout", f"no complete answer within {self._deadline_s:g} s")
        except asyncio.CancelledError:
            self._session.abort()
            raise

    async def close(self) -> None:
        """Let go of the connections; a write under way ends."""
        self._session.close()


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
        raise ValueError("InfluxDB's URL must be http://HOST:PORT or https://HOST:PORT")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("InfluxDB's URL must be without user, ? and #; credentials have settings")


def _credentials(token: str | None, username: str | None, password: str | None) -> str | None:
    """What stands behind `Token` in the Authorization header; 1.8 takes user:password there."""
    secret = f"{username}:{password or ''}" if username else token
    if not secret:
        return None
    secret = secret.strip()  # a file's last newline is not part of the secret
    if not secret.isprintable() or not secret.isascii():
        raise ValueError("InfluxDB's token or password has characters an HTTP header cannot carry")
    return secret
