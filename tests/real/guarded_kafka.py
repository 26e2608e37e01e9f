"""A real Kafka with one listener per kind of login, an authorizer, and a token server.

Clients of the plain listener may do everything, the others what they are granted. Tokens are
unsecured (RFC 7515, alg none): Kafka validates everything but a signature.
"""

import asyncio
import base64
import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from demo.servers import Kafka, free_port
from jmxbridge.kafka.connection import connect
from jmxbridge.kafka.wire.api_numbers import Api
from jmxbridge.kafka.wire.codec import KafkaRequest, Schema
from tests.real.kdc import REALM, Kdc
from tests.real.papers import Papers

PASSWORD = "swordfish-of-a-test"  # noqa: S105 - users live as long as a test
USERS = ("reader", "nobody", "narrow")
CLIENT_ID, TOKEN_SUBJECT = "bridge", "token-bearer"
SERVICE = "kafka/localhost"
SESSION_MS = 1500
"""How long a login holds on the listener of TLS and SASL both."""

_SECURITY = "org.apache.kafka.common.security"
_SCRAM = {"SCRAM-SHA-256": (1, "sha256"), "SCRAM-SHA-512": (2, "sha512")}


class GuardedKafka(Kafka):
    """Ports of the listeners by name: MTLS, SASL, BOTH; the plain one is `port`.

    With a KDC there is KERBEROS as well, at localhost.
    """

    def __init__(self, folder: Path, papers: Papers, kdc: Kdc | None = None) -> None:
        names = ("MTLS", "SASL", "BOTH", *(("KERBEROS",) if kdc else ()))
        self.ports: Mapping[str, int] = {name: free_port() for name in names}
        self._papers = papers
        self._keytab = kdc.add(SERVICE) if kdc else None
        options = [f"-Djava.security.krb5.conf={kdc.config}"] if kdc else []
        super().__init__(folder, jvm_options=options)

    def at(self, listener: str) -> str:
        """Return HOST:PORT of a listener."""
        host = "localhost" if listener == "KERBEROS" else "127.0.0.1"
        return f"{host}:{self.port if listener == 'PLAINTEXT' else self.ports[listener]}"

    def _defaults(self) -> dict[str, str]:
        defaults = super()._defaults()
        more = "".join(f",{name}://{self.at(name)}" for name in self.ports)
        protocols = "MTLS:SSL,SASL:SASL_PLAINTEXT,BOTH:SASL_SSL,KERBEROS:SASL_PLAINTEXT"
        return defaults | {
            "listeners": defaults["listeners"] + more,
            "advertised.listeners": defaults["advertised.listeners"] + more,
            "listener.security.protocol.map": (
                f"{defaults['listener.security.protocol.map']},{protocols}"
            ),
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self._store()),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self._papers.ca),
            "listener.name.mtls.ssl.client.auth": "required",
            "listener.name.sasl.sasl.enabled.mechanisms": (
                "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER"
            ),
            "listener.name.both.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
            "listener.name.both.connections.max.reauth.ms": str(SESSION_MS),
            **_jaas("sasl"),
            **_jaas("both"),
            **(_kerberos(self._keytab) if self._keytab else {}),
        }

    def _store(self) -> Path:
        """Write key and certificate to one file, as the broker expects."""
        path = self._papers.folder / "server_store.pem"
        path.write_text(self._papers.server_key.read_text() + self._papers.server.read_text())
        return path

    async def add_users(self) -> None:
        """Set the SCRAM password of every user."""
        connection = await connect("127.0.0.1", self.port)
        try:
            for mechanism in _SCRAM:
                errors = await connection.ask(AddScramUsers(USERS, mechanism))
                assert not any(errors), errors
        finally:
            connection.close()
            await connection.wait_closed()

    def allow(self, principals: Sequence[str], *resources: str) -> None:
        """Grant DESCRIBE on resources, given as options of kafka-acls.sh."""
        to_whom = [word for principal in principals for word in ("--allow-principal", principal)]
        self.tool("AclCommand", "--add", *to_whom, "--operation", "Describe", *resources)


def _jaas(listener: str) -> dict[str, str]:
    prefix = f"listener.name.{listener}"
    users = " ".join(f'user_{user}="{PASSWORD}"' for user in USERS)
    modules = {
        "plain": f"{_SECURITY}.plain.PlainLoginModule required {users};",
        "scram-sha-256": f"{_SECURITY}.scram.ScramLoginModule required;",
        "scram-sha-512": f"{_SECURITY}.scram.ScramLoginModule required;",
        "oauthbearer": f"{_SECURITY}.oauthbearer.OAuthBearerLoginModule required;",
    }
    unsecured = f"{_SECURITY}.oauthbearer.internals.unsecured"
    return {f"{prefix}.{name}.sasl.jaas.config": text for name, text in modules.items()} | {
        f"{prefix}.oauthbearer.sasl.server.callback.handler.class": (
            f"{unsecured}.OAuthBearerUnsecuredValidatorCallbackHandler"
        )
    }


def _kerberos(keytab: Path) -> dict[str, str]:
    prefix = "listener.name.kerberos"
    module = (
        "com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true storeKey=true"
        f' keyTab="{keytab}" principal="{SERVICE}@{REALM}";'
    )
    return {
        f"{prefix}.sasl.enabled.mechanisms": "GSSAPI",
        f"{prefix}.gssapi.sasl.jaas.config": module,
        f"{prefix}.sasl.kerberos.service.name": SERVICE.partition("/")[0],
    }


@dataclass(frozen=True, slots=True)
class AddScramUsers(KafkaRequest[list[int]]):
    """Set PASSWORD for these users; returns error codes. Each user at most once per request."""

    api: ClassVar[Api] = Api("alter_user_scram_credentials", 51, 0, 0)
    users: tuple[str, ...]
    mechanism: str

    def body(self, schema: Schema) -> Any:
        number, digest = _SCRAM[self.mechanism]
        upsertions = tuple(
            schema.make(
                "ScramCredentialUpsertion",
                name=user,
                mechanism=number,
                iterations=4096,
                salt=b"salt of a test",
                salted_password=hashlib.pbkdf2_hmac(
                    digest, PASSWORD.encode(), b"salt of a test", 4096
                ),
            )
            for user in self.users
        )
        return schema.make("AlterUserScramCredentialsRequest", deletions=(), upsertions=upsertions)

    def reply(self, entity: Any) -> list[int]:
        return [int(result.error_code) for result in entity.results]


class TokenServer:
    """Issues tokens to CLIENT_ID; `given` counts them. `lifetime_s` may be changed."""

    def __init__(self) -> None:
        self.given = 0
        self.lifetime_s = 300
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()

    @property
    def url(self) -> str:
        """URL of the token endpoint."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/token"

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        fields = dict(line.split(": ", 1) for line in head.splitlines()[1:] if line)
        await reader.readexactly(int(fields["Content-Length"]))
        pair = base64.b64decode(fields["Authorization"].removeprefix("Basic ")).decode()
        right = pair == f"{CLIENT_ID}:{PASSWORD}"
        answer = self._token() if right else {"error": "invalid_client"}
        body = json.dumps(answer).encode()
        status = "200 OK" if right else "401 Unauthorized"
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    def _token(self) -> dict[str, Any]:
        self.given += 1
        now = int(time.time())
        claims = {"sub": TOKEN_SUBJECT, "iat": now, "exp": now + self.lifetime_s}
        parts = [json.dumps(part).encode() for part in ({"alg": "none"}, claims)]
        text = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
        return {"access_token": f"{text}.", "expires_in": self.lifetime_s}
