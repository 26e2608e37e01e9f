"""Sources of OAUTHBEARER tokens, and the cache that shares a token between connections.

Rule: a token is requested when a connection needs one and reused until a fifth of its lifetime is
left. A secret is sent to the configured URL and nowhere else: no redirect is followed.
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
"""Bytes read of a token server's reply. Tokens with hundreds of claims are below 64 KiB; a Kafka
broker accepts at most 512 KiB from a client that is not logged in."""

USED_SHARE = 0.8
"""Share of a token's lifetime in which it is used: the rest must be enough to connect, and clocks
differ."""

DEFAULT_LIFETIME_S = 60.0
"""Lifetime of a token whose server names none (RFC 6749, 5.1: it should): short enough for any."""

# RFC 6750, 2.1: the characters of a token. None of them may end the message that carries it.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")


@dataclass(frozen=True, slots=True)
class BearerToken:
    """A token and its remaining lifetime."""

    text: str = field(repr=False)
    lifetime_s: float


Fetch = Callable[[], Awaitable[BearerToken]]


class TokenSource:
    """Keeps one token for all connections to a cluster; `fetch` requests the next one.

    Callers that wait for a running fetch share its result, also its failure: a server that does not
    answer must not cost every broker its own wait. `clock_s` is monotonic.
    """

    def __init__(self, fetch: Fetch, *, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock_s = clock_s
        self._lock = asyncio.Lock()
        self._token: BearerToken | None = None
        self._good_until_s = 0.0
        self._failures = 0
        self._failure = ""

    async def token(self) -> str:
        """Return a token that is valid for a while; raises LoginFailed."""
        failures = self._failures
        async with self._lock:
            if self._failures > failures:
                raise LoginFailed(self._failure)
            if self._token is None or self._clock_s() >= self._good_until_s:
                self._token = await self._next()
            return self._token.text

    async def _next(self) -> BearerToken:
        asked_s = self._clock_s()
        try:
            token = await self._fetch()
        except LoginFailed as exc:
            self._failures += 1
            self._failure = str(exc)
            raise
        self._good_until_s = asked_s + token.lifetime_s * USED_SHARE
        return token

    def forget(self) -> None:
        """Request another token next time: a broker refused this one."""
        self._good_until_s = 0.0

    def redact(self, text: str) -> str:
        """Replace the token in a text by asterisks."""
        return text if self._token is None else text.replace(self._token.text, "***")


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """Requests tokens by OAuth 2's client credentials grant, RFC 6749, section 4.4.

    `ca_file` (PEM) replaces the certificate authorities that this machine trusts.
    """

    url: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str | None
    ca_file: Any
    timeout_s: float

    async def __call__(self) -> BearerToken:
        """Return a new token; raises LoginFailed."""
        status, body = await self._post()
        try:
            answer = json.loads(body)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise self._failed(f"it answered {status} without a JSON object")
        if status != 200:
            raise self._failed(f"it answered {status}{self._reason(answer)}")
        token = answer.get("access_token")
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise self._failed("its answer has no access_token that can be sent")
        return BearerToken(token, _lifetime(answer.get("expires_in")))

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
        """Return the Authorization header of section 2.3.1: both parts form-encoded, then Basic."""
        pair = f"{quote_plus(self.client_id)}:{quote_plus(self.client_secret)}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"

    def _reason(self, answer: Mapping[str, Any]) -> str:
        """Return the error and description of section 5.2, in one line."""
        values = (answer.get(key) for key in ("error", "error_description"))
        text = ": ".join(" ".join(text.split())[:200] for text in values if isinstance(text, str))
        return f": {self._without_secret(text)}" if text else ""

    def _without_secret(self, text: str) -> str:
        return text.replace(self.client_secret, "***")

    def _failed(self, what: str) -> LoginFailed:
        return LoginFailed(
            f"no token from {self.url} for client {self.client_id!r} (kafka.sasl): {what}"
        )


@dataclass(frozen=True, slots=True)
class MskSigner:
    """Signs tokens for Amazon MSK with the credentials that AWS's default chain finds.

    The package is an extra, `jmxbridge[msk]`.
    """

    region: str

    async def __call__(self) -> BearerToken:
        """Return a new token; raises LoginFailed."""
        return await asyncio.to_thread(self._sign)

    def _sign(self) -> BearerToken:
        try:
            signer = importlib.import_module("aws_msk_iam_sasl_signer.MSKAuthTokenProvider")
        except ImportError as exc:
            raise LoginFailed(
                "kafka.sasl: AWS_MSK_IAM needs one more package: pip install 'jmxbridge[msk]'"
            ) from exc
        try:
            text, expires_ms = signer.generate_auth_token(self.region)
        except AttributeError as exc:  # the signer (1.0.2) found no credentials
            raise LoginFailed(
                "kafka.sasl: no AWS credentials: neither in the environment, nor in a profile, nor"
                " from a role of this machine"
            ) from exc
        except Exception as exc:  # the library raises many types of errors, all mean no token
            raise LoginFailed(
                f"kafka.sasl: AWS returned no token for MSK in {self.region}: {exc}"
            ) from exc
        return BearerToken(text, max(0.0, expires_ms / 1000 - time.time()))


def _lifetime(expires_in: object) -> float:
    """Return seconds from a number or, as some servers send it, from text."""
    try:
        seconds = float(expires_in)  # type: ignore[arg-type]  # any JSON value
    except (TypeError, ValueError):
        return DEFAULT_LIFETIME_S
    return seconds if 0 < seconds < float("inf") else DEFAULT_LIFETIME_S
