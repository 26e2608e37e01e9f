"""Asynchronous client of one InfluxDB: each request on a thread, with a deadline.

Rule: no fault of a server is an exception here. A request ends in an `HttpAnswer` or a `NoAnswer`,
within the deadline, whatever the server does.

The client library blocks, so each request runs on a thread of its own; threads are daemons, because
one may be inside a name lookup when the program ends. A server that accepts the bytes and does not
answer, or answers one byte a second, is cut off at the deadline by shutting down its socket, which
ends the thread too.
"""

import asyncio
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from urllib.parse import urlsplit

from jmxbridge.influx.body import Body
from jmxbridge.influx.http import HttpSession, Login
from jmxbridge.influx.outcome import NoAnswer, Outcome

CONNECT_S = 5.0
"""A server that accepts no connection in that time counts as down; the lines are safe."""

READ_S = 15.0
"""Longer than the 10 s after which InfluxDB answers that a write timed out (`write-timeout`)."""

DEADLINE_S = 30.0
"""Deadline of a whole request, however slowly its bytes arrive."""


class Writer:
    """Client that writes to one bucket of one InfluxDB."""

    def __init__(
        self,
        url: str,
        *,
        bucket: str,
        org: str | None = None,
        token: str | None = None,
        username: str | None = None,
        password: str | None = None,
        read_secret: Callable[[], str] | None = None,
        connect_s: float = CONNECT_S,
        read_s: float = READ_S,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        """Set up a writer; nothing is sent or imported yet.

        2.x: `org` and `token`. 1.8: `username` and `password`, or neither; `bucket` is the
        database, or database/retention-policy. `read_secret` is called on the thread of each
        request; what it returns replaces the token, or with `username` the password. Raises
        ValueError for a URL or credentials that cannot be used.
        """
        _check_url(url)
        self.url = url
        self.bucket = bucket
        self.org = org
        self._deadline_s = deadline_s
        login = _login(token, username, password)

        def read_login() -> Login:
            if read_secret is None:
                return login
            secret = read_secret()
            return _login(None, username, secret) if username else _login(secret, None, None)

        self._session = HttpSession(
            url,
            bucket=bucket,
            org=org or "-",
            read_login=read_login,
            timeout_s=(connect_s, read_s),
        )

    def __repr__(self) -> str:
        return f"<Writer {self.url}>"

    async def write(self, body: Body) -> Outcome:
        """Send line protocol; raises only CancelledError, and that at once."""
        return await self._run(lambda: self._session.post(body))

    async def get(self, path: str, query: Mapping[str, str]) -> Outcome:
        """Send a GET to this server, with the same credentials, deadline and outcomes."""
        return await self._run(lambda: self._session.get(path, query))

    async def _run(self, call: Callable[[], Outcome]) -> Outcome:
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[Outcome] = loop.create_future()

        def finish(result: Outcome) -> None:
            if not outcome.done():
                outcome.set_result(result)

        def run() -> None:
            result = call()
            with suppress(RuntimeError):  # the loop is closed, so no task waits
                loop.call_soon_threadsafe(finish, result)

        try:
            threading.Thread(target=run, name="jmxbridge-influx", daemon=True).start()
        except RuntimeError as exc:
            return NoAnswer("thread", f"no thread for the request: {exc}")
        try:
            async with asyncio.timeout(self._deadline_s):
                return await outcome
        except TimeoutError:
            self._session.abort()
            return NoAnswer("timeout", f"no complete answer within {self._deadline_s:g} s")
        except asyncio.CancelledError:
            self._session.abort()
            raise

    async def close(self) -> None:
        """Close the connections; a request that is under way ends."""
        self._session.close()


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
        raise ValueError("InfluxDB's URL must be http://HOST:PORT or https://HOST:PORT")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError(
            "InfluxDB's URL must not contain a user, ? or #; credentials have keys of their own"
        )


def _login(token: str | None, username: str | None, password: str | None) -> Login:
    secrets = tuple(secret.strip() for secret in (token, password) if secret)
    return Login(_credentials(token, username, password), secrets)


def _credentials(token: str | None, username: str | None, password: str | None) -> str | None:
    """Return the value after `Token` in the Authorization header; 1.8 takes user:password there."""
    secret = f"{username}:{password or ''}" if username else token
    if not secret:
        return None
    secret = secret.strip()  # the last newline of a file is not part of the secret
    if not secret.isprintable() or not secret.isascii():
        raise ValueError("InfluxDB's token or password has characters an HTTP header cannot carry")
    return secret
