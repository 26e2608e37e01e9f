"""Tokens for OAUTHBEARER: where they come from, and how long one is used.

Rule: a token is asked for when a connection needs one, and used for the next connections until a
fifth of its life is left. A secret goes to the URL of the file and nowhere else: no redirect is
followed.
"""

import asyncio
import base64
import importlib
import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus

from jmxbridge.jmx.credentials import Tls
from jmxbridge.jmx.errors import ConnectionFailed
from jmxbridge.jmx.net.tls import context, explain
from jmxbridge.kafka.wire.errors import LoginFailed

MAX_REPLY = 256 * 1024
"""Bytes taken of a token server's reply. Tokens with hundreds of claims are below 64 KiB; a Kafka
broker takes no more than 512 KiB of a client that is not logged in."""

USED_SHARE = 0.8
"""Of a token's life: what is left must do for the connection to be made, and clocks differ."""

DEFAULT_LIFETIME_S = 60.0
"""Where the server does not say how long (RFC 6749, 5.1: it should), soon enough for any."""

# RFC 6750, 2.1: what a token may be made of. It must not end the message it stands in.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")


@dataclass(frozen=True, slots=True)
class Token:
    """A token, and how long it is good for from now on."""

    text: str = field(repr=False)
    lifetime_s: float


Fetch = Callable[[], Awaitable[Token]]


class TokenSource:
    """Keeps one token for all connections to a cluster; `fetch` gets the next one.

    Who waits while it is fetched has what comes of that, a failure too: one server that does not
    answer must not be waited for once by each broker. `clock_s` is monotonic.
    """

    def __init__(self, fetch: Fetch, *, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock_s = clock_s
        self._lock = asyncio.Lock()
        self._token: Token | None = None
        self._good_until = 0.0
        self._failures = 0
        self._failure = ""

    async def token(self) -> str:
        """Return a token that is good for a while; raises LoginFailed."""
        failures = self._failures
        async with self._lock:
            if self._failures > failures:
                raise LoginFailed(self._failure)
            if self._token is None or self._clock_s() >= self._good_until:
                self._token = await self._next()
            return self._token.text

    async def _next(self) -> Token:
        asked = self._clock_s()
        try:
            token = await self._fetch()
        except LoginFailed as exc:
            self._failures += 1
            self._failure = str(exc)
            raise
        self._good_until = asked + token.lifetime_s * USED_SHARE
        return token

    def forget(self) -> None:
        """Ask for another one next time: a broker did not take this one."""
        self._good_until = 0.0

    def blank(self, text: str) -> str:
        """Take the token out of a text."""
        return text if self._token is None else text.replace(self._token.text, "***")


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """Asks a token server by OAuth 2's client credentials grant, RFC 6749, section 4.4.

    `ca_file` (PEM) replaces the authorities that this machine trusts.
    """

    url: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str | None
    ca_file: Any
    timeout_s: float

    async def __call__(self) -> Token:
        """Return a new token; raises LoginFailed."""
        status, body = await self._post()
        try:
            answer = json.loads(body)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise self._failed(f"it answered {status} without a JSON object")
        if status != 200:
            said = self._words(answer)
            raise self._failed(f"it answered {status}{said}")
        token = answer.get("access_token")
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise self._failed("there is no access_token in its answer that could be sent")
        return Token(token, _lifetime(answer.get("expires_in")))

    async def _post(self) -> tuple[int, bytes]:
        aiohttp = await asyncio.to_thread(importlib.import_module, "aiohttp")
        form = {"grant_type": "client_credentials"}
        if self.scope is not None:
            form["scope"] = self.scope
        try:
            tls = await asyncio.to_thread(context, Tls(ca_file=self.ca_file))
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(self.timeout_s)) as session,
                session.post(
                    self.url,
                    data=form,
                    headers={"Authorization": self._basic(), "Accept": "application/json"},
                    allow_redirects=False,
                    ssl=tls,
                ) as response,
            ):
                body = bytearray()
                async for chunk in response.content.iter_any():
                    body += chunk
                    if len(body) > MAX_REPLY:
                        raise self._failed(f"its answer is larger than {MAX_REPLY // 1024} KiB")
                return response.status, bytes(body)
        except TimeoutError:
            raise self._failed(f"no answer in {self.timeout_s:g} s") from None
        except aiohttp.ClientConnectorCertificateError as exc:
            cause = exc.certificate_error
            raise self._failed(explain(cause, not_tls="token_url")) from exc
        except aiohttp.ClientError as exc:
            raise self._failed(self._without_secret(str(exc) or type(exc).__name__)) from exc
        except ConnectionFailed as exc:
            raise LoginFailed(str(exc)) from exc

    def _basic(self) -> str:
        """Return who we are, as section 2.3.1 has it: both parts form-encoded, then Basic."""
        pair = f"{quote_plus(self.client_id)}:{quote_plus(self.client_secret)}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"

    def _words(self, answer: Mapping[str, Any]) -> str:
        """Return what section 5.2 lets a server say, in one line."""
        said = [answer.get(key) for key in ("error", "error_description")]
        text = ": ".join(" ".join(each.split())[:200] for each in said if isinstance(each, str))
        return f": {self._without_secret(text)}" if text else ""

    def _without_secret(self, text: str) -> str:
        return text.replace(self.client_secret, "***")

    def _failed(self, what: str) -> LoginFailed:
        return LoginFailed(
            f"no token from {self.url} for client {self.client_id!r} (kafka.sasl): {what}"
        )


@dataclass(frozen=True, slots=True)
class MskSigner:
    """Signs tokens for Amazon MSK with what AWS's own chain of credentials finds.

    The package is an extra, `jmxbridge[msk]`.
    """

    region: str

    async def __call__(self) -> Token:
        """Return a new token; raises LoginFailed."""
        return await asyncio.to_thread(self._sign)

    def _sign(self) -> Token:
        try:
            signer = importlib.import_module("aws_msk_iam_sasl_signer.MSKAuthTokenProvider")
        except ImportError as exc:
            raise LoginFailed(
                "kafka.sasl: AWS_MSK_IAM needs one more package: pip install 'jmxbridge[msk]'"
            ) from exc
        try:
            text, expires_ms = signer.generate_auth_token(self.region)
        except AttributeError as exc:  # how the signer (1.0.2) says that it found none
            raise LoginFailed(
                "kafka.sasl: no AWS credentials: neither in the environment, nor in a profile, nor"
                " of a role of this machine"
            ) from exc
        except Exception as exc:  # a foreign library with many ways to fail, all of them one to us
            raise LoginFailed(
                f"kafka.sasl: AWS gives no token for MSK in {self.region}: {exc}"
            ) from exc
        return Token(text, max(0.0, expires_ms / 1000 - time.time()))


def _lifetime(expires_in: object) -> float:
    """Seconds, as a number or, as some servers have it, as text."""
    try:
        seconds = float(expires_in)  # type: ignore[arg-type]  # whatever the server sent
    except (TypeError, ValueError):
        return DEFAULT_LIFETIME_S
    return seconds if 0 < seconds < float("inf") else DEFAULT_LIFETIME_S
