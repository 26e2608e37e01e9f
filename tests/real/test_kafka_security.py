"""Every kind of login to a real Kafka 4.1, the errors of failed logins, and missing rights."""

import asyncio
import contextlib
import os
import re
import shlex
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from demo.servers import Client
from jmxbridge.build import make_cluster
from jmxbridge.config.loader import load
from jmxbridge.doctor.rights import missing_rights
from jmxbridge.kafka.cluster.cluster import Cluster
from jmxbridge.kafka.facts.snapshot import Snapshot
from jmxbridge.kafka.wire.errors import KafkaUnavailable
from jmxbridge.lag.rows import compute_lags
from tests.real.guarded_kafka import (
    CLIENT_ID,
    PASSWORD,
    SESSION_MS,
    TOKEN_SUBJECT,
    GuardedKafka,
    TokenServer,
)
from tests.real.kdc import Kdc, is_installed
from tests.real.papers import STORE_PASSWORD, Papers, make_papers

pytestmark = pytest.mark.real

TIMEOUT_S = 60.0
SETTLED_S = 60.0
PAUSE_S = 0.1

Write = Callable[[str, str], Path]
READER = f"username: reader, password: {PASSWORD}"
SCRAM = f"sasl: {{mechanism: SCRAM-SHA-512, {READER}}}"
WAYS = {
    "mtls": ("MTLS", "tls: {ca_file: CA, cert_file: CLIENT, key_file: CLIENT_KEY}"),
    "mtls of a store": (
        "MTLS",
        f"tls: {{ca_file: CA, cert_file: STORE, key_password: {STORE_PASSWORD}}}",
    ),
    "plain": ("SASL", f"sasl: {{mechanism: PLAIN, {READER}}}"),
    "scram-256": ("SASL", f"sasl: {{mechanism: SCRAM-SHA-256, {READER}}}"),
    "scram-512": ("SASL", SCRAM),
    "token": (
        "SASL",
        f"sasl: {{mechanism: OAUTHBEARER, token_url: 'TOKENS', client_id: {CLIENT_ID},"
        f" client_secret: {PASSWORD}}}",
    ),
    "tls and plain": ("BOTH", f"tls: {{ca_file: CA}}, sasl: {{mechanism: PLAIN, {READER}}}"),
    "tls and scram": ("BOTH", f"tls: {{ca_file: CA}}, {SCRAM}"),
}


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    """Two certificate authorities and their certificates."""
    return make_papers(tmp_path_factory.mktemp("papers"))


@pytest.fixture(scope="module")
def kdc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kdc | None]:
    """A Kerberos realm, if this machine has the programs."""
    if not is_installed():
        yield None
        return
    with Kdc(tmp_path_factory.mktemp("kdc")) as server:
        yield server


@pytest.fixture(scope="module")
def guarded(
    papers: Papers, kdc: Kdc | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GuardedKafka]:
    """A broker with every listener, users, and rights for all but `nobody` and `narrow`.

    Group `orders` is 3 behind on topic `paid` and 2 behind on `sent`.
    """
    with GuardedKafka(tmp_path_factory.mktemp("guarded"), papers, kdc) as kafka:
        asyncio.run(kafka.add_users())
        principals = ("User:reader", f"User:{TOKEN_SUBJECT}", "User:CN=client")
        kafka.allow(principals, "--group", "*", "--topic", "*")
        with Client(kafka) as client:
            for topic, behind in (("paid", 3), ("sent", 2)):
                client.create(topic)
                client.produce(topic, 10)
                client.commit("orders", topic)
                client.produce(topic, behind)
            client.commit("hidden", "sent")
        yield kafka


@pytest.fixture
async def tokens() -> AsyncIterator[TokenServer]:
    """A token server."""
    async with TokenServer() as server:
        yield server


@pytest.fixture
def write(guarded: GuardedKafka, papers: Papers, tokens: TokenServer, tmp_path: Path) -> Write:
    """Write a settings file: `write("SASL", "sasl: {…}")`; fills in CA, CLIENT, TOKENS etc."""

    def make(listener: str, section: str) -> Path:
        for word, value in (
            ("CLIENT_KEY", papers.client_key),
            ("CLIENT", papers.client),
            ("STORE", papers.folder / "client.p12"),
            ("OTHER_CA", papers.other_ca),
            ("STRANGER_KEY", papers.stranger_key),
            ("STRANGER", papers.stranger),
            ("CA", papers.ca),
            ("TOKENS", tokens.url),
        ):
            section = section.replace(word, str(value))
        bootstrap = listener if ":" in listener else guarded.at(listener)
        file = tmp_path / "mbeans.yaml"
        more = f", {section}" if section else ""
        file.write_text(f"kafka: {{bootstrap: '{bootstrap}'{more}}}\n")
        return file

    return make


@asynccontextmanager
async def opened(file: Path) -> AsyncIterator[Cluster]:
    """The cluster of a file."""
    kafka = load(file, {}).kafka
    assert kafka is not None
    cluster = make_cluster(kafka, timeout_s=TIMEOUT_S)
    try:
        yield cluster
    finally:
        await cluster.close()


async def lag(file: Path) -> dict[tuple[str, str], int]:
    """Poll once; return lag by group and topic."""
    async with opened(file) as cluster:
        return behind(await cluster.poll())


def behind(snapshot: Snapshot) -> dict[tuple[str, str], int]:
    """Return lag by group and topic of a snapshot without errors."""
    assert snapshot.errors == ()
    return {(row.group, row.topic): row.lag_sum or 0 for row in compute_lags(snapshot).topics}


async def refusal(file: Path) -> str:
    """Return the error of a failed poll; asserts that it does not contain the password."""
    async with opened(file) as cluster:
        with pytest.raises(KafkaUnavailable) as caught:
            await cluster.poll()
    message = str(caught.value)
    assert PASSWORD not in message
    return message


async def until(check: Callable[[], Awaitable[bool]]) -> None:
    """Retry until true: a broker learns a moment later what the controller confirmed."""
    async with asyncio.timeout(SETTLED_S):
        while True:
            if await check():
                return
            await asyncio.sleep(PAUSE_S)


ALL = {("orders", "paid"): 3, ("orders", "sent"): 2, ("hidden", "sent"): 0}


@pytest.mark.parametrize("way", WAYS)
async def test_every_kind_of_login_gives_the_same_lag(way: str, write: Write) -> None:
    """DESCRIBE on groups and topics is enough for every row."""
    if "STORE" in WAYS[way][1]:
        pytest.importorskip("cryptography", reason="needs the extra pkcs12")
    assert await lag(write(*WAYS[way])) == ALL


async def test_a_replaced_password_is_used_at_the_next_login(write: Write, tmp_path: Path) -> None:
    """The client lives on: refused with the old password, logged in with the new one."""
    secret = tmp_path / "secret"
    secret.write_text("hunter2-and-more\n")
    login = f"mechanism: SCRAM-SHA-512, username: reader, password_file: {secret}"
    async with opened(write("SASL", f"sasl: {{{login}}}")) as cluster:
        with pytest.raises(KafkaUnavailable, match="does not accept the credentials"):
            await cluster.poll()
        secret.write_text(f"{PASSWORD}\n")

        assert behind(await cluster.poll()) == ALL


@pytest.fixture
async def tunnel(guarded: GuardedKafka) -> AsyncIterator[int]:
    """A port of 127.0.0.2, for which no certificate is, that leads to the listener MTLS."""

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to = await asyncio.open_connection("127.0.0.1", guarded.ports["MTLS"])
        await asyncio.gather(copy(reader, to[1]), copy(to[0], writer))

    server = await asyncio.start_server(serve, "127.0.0.2", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def test_a_tunnel_keeps_the_certificate_of_the_advertised_name(
    guarded: GuardedKafka, write: Write, tunnel: int
) -> None:
    """Mapped, the certificate is that of the advertised host; unmapped, it is for another one."""
    listener, tls = WAYS["mtls"]
    there = f"127.0.0.2:{tunnel}"

    mapped = await lag(
        write(listener, f"{tls}, advertised: {{'{guarded.at(listener)}': '{there}'}}")
    )
    message = await refusal(write(there, tls))

    assert mapped == ALL
    assert "127.0.0.2" in message
    assert "certificate" in message


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
@pytest.mark.parametrize("username", ["reader", "stranger"])
async def test_login_with_a_wrong_password_is_refused(
    mechanism: str, username: str, write: Write
) -> None:
    """The error names broker, user and mechanism, for existing and unknown users alike."""
    login = f"mechanism: {mechanism}, username: {username}, password: hunter2-and-more"
    file = write("SASL", f"sasl: {{{login}}}")

    message = await refusal(file)

    assert f"does not accept the credentials of user '{username}' ({mechanism})" in message
    assert "hunter2" not in message


@pytest.fixture
def keytab(kdc: Kdc | None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A keytab of the principal `reader`; this process uses its realm."""
    pytest.importorskip("gssapi", reason="needs the extra gssapi")
    if kdc is None:
        pytest.skip("no KDC on this machine (Debian: krb5-kdc, krb5-admin-server)")
    monkeypatch.setenv("KRB5_CONFIG", str(kdc.config))
    return kdc.add("reader")


async def test_login_with_a_kerberos_ticket(keytab: Path, write: Write) -> None:
    """Principal and keytab are enough; the process's ticket cache is not touched."""
    login = f"mechanism: GSSAPI, principal: reader, keytab_file: {keytab}"

    assert await lag(write("KERBEROS", f"sasl: {{{login}}}")) == ALL


@pytest.mark.parametrize(
    ("login", "message"),
    [
        ("principal: nobody, keytab_file: KEYTAB", "GSSAPI failed: as 'nobody' in .*keytab"),
        ("keytab_file: /no/such.keytab", "GSSAPI failed: .*/no/such.keytab"),
        ("service: http, keytab_file: KEYTAB", "GSSAPI failed: .*http/localhost@TEST.INTERNAL"),
    ],
)
async def test_login_without_a_kerberos_ticket_is_refused(
    keytab: Path, write: Write, login: str, message: str
) -> None:
    """The error has the library's message and the broker in one line."""
    login = login.replace("KEYTAB", str(keytab))

    assert re.search(
        message, await refusal(write("KERBEROS", f"sasl: {{mechanism: GSSAPI, {login}}}"))
    )


async def test_login_with_a_wrong_client_secret_is_refused(
    write: Write, tokens: TokenServer
) -> None:
    """The error names the token server, which refused it."""
    listener, section = WAYS["token"]

    message = await refusal(write(listener, section.replace(PASSWORD, "hunter2")))

    assert f"no token from {tokens.url} for client 'bridge'" in message
    assert message.endswith("it answered 401: invalid_client")


async def test_login_with_an_expired_token_is_repeated(write: Write, tokens: TokenServer) -> None:
    """An expired token is refused, not shown, and replaced at the next connection."""
    tokens.lifetime_s = -60
    async with opened(write(*WAYS["token"])) as cluster:
        with pytest.raises(KafkaUnavailable, match=r"client 'bridge' \(OAUTHBEARER\)"):
            await cluster.poll()
        tokens.lifetime_s = 300

        assert behind(await cluster.poll()) == ALL

    assert tokens.given == 2


async def test_login_by_a_mechanism_that_is_not_offered_is_refused(write: Write) -> None:
    """The error names the mechanisms that the listener offers."""
    message = await refusal(
        write("BOTH", f"tls: {{ca_file: CA}}, sasl: {{mechanism: SCRAM-SHA-256, {READER}}}")
    )

    assert "does not offer SCRAM-SHA-256: set kafka.sasl.mechanism to one that it offers" in message
    assert "SCRAM-SHA-512" in message


@pytest.mark.parametrize(
    ("listener", "section", "message"),
    [
        ("PLAINTEXT", "tls: {ca_file: CA}", "does this port speak TLS? (kafka.tls says that it"),
        ("SASL", f"tls: {{ca_file: CA}}, {SCRAM}", "does this port speak TLS?"),
        ("PLAINTEXT", SCRAM, "this listener does not use SASL: remove kafka.sasl"),
        ("MTLS", "", "set kafka.tls"),
        ("BOTH", SCRAM, "set kafka.tls"),
        ("SASL", "", "its listener requires SASL: then set kafka.sasl"),
        ("BOTH", "tls: {ca_file: CA}", "its listener requires SASL: then set kafka.sasl"),
        ("MTLS", "tls: {ca_file: CA}", "set tls.cert_file"),
        (
            "MTLS",
            "tls: {ca_file: CA, cert_file: STRANGER, key_file: STRANGER_KEY}",
            "tls.cert_file",
        ),
        ("BOTH", f"tls: {{ca_file: OTHER_CA}}, {SCRAM}", "set tls.ca_file to the authority"),
        ("BOTH", f"tls: {{}}, {SCRAM}", "set tls.ca_file to the authority"),
        ("BOTH", f"tls: {{ca_file: /no/such.pem}}, {SCRAM}", "/no/such.pem cannot be used for TLS"),
    ],
)
async def test_wrong_security_settings_name_the_key_to_change(
    listener: str, section: str, message: str, write: Write
) -> None:
    """A mismatch of security settings is recognised; the error names the key that fixes it."""
    assert message in await refusal(write(listener, section))


async def test_the_host_name_is_checked_by_default(write: Write, guarded: GuardedKafka) -> None:
    """A certificate for 127.0.0.1 is refused for localhost."""
    address = f"localhost:{guarded.ports['BOTH']}"

    assert "tls.check_hostname" in await refusal(write(address, f"tls: {{ca_file: CA}}, {SCRAM}"))
    assert await lag(write(address, f"tls: {{ca_file: CA, check_hostname: false}}, {SCRAM}")) == ALL


async def test_a_dead_bootstrap_host_costs_nothing(write: Write, guarded: GuardedKafka) -> None:
    """Another bootstrap server answers, with any kind of login."""
    listener, section = WAYS["tls and scram"]
    file = write(f"127.0.0.1:9,{guarded.at(listener)}", section)

    async with opened(file) as cluster:
        snapshot = await cluster.poll()

    assert len(snapshot.commits) == 2
    assert snapshot.complete


async def test_a_session_is_renewed_before_it_expires(write: Write) -> None:
    """Re-authentication (KIP-368): polls continue over several sessions without errors."""
    async with opened(write(*WAYS["tls and scram"])) as cluster:
        loop = asyncio.get_running_loop()
        over = loop.time() + 3 * SESSION_MS / 1000
        while loop.time() < over:
            assert behind(await cluster.poll()) == ALL
            await asyncio.sleep(PAUSE_S)


async def rights(file: Path) -> tuple[tuple[str, str], ...]:
    """Return missing rights and the commands that grant them."""
    kafka = load(file, {}).kafka
    assert kafka is not None
    async with opened(file) as cluster:
        return await missing_rights(cluster, kafka)


async def test_missing_rights_is_empty_with_describe(write: Write) -> None:
    """With DESCRIBE on groups and topics nothing is missing, not even on the cluster."""
    for way in ("mtls", "tls and scram"):
        assert await rights(write(*WAYS[way])) == ()


async def test_missing_rights_prints_commands_that_grant_them(
    write: Write, guarded: GuardedKafka
) -> None:
    """Kafka hides groups silently; we report it, and the printed commands bring the rows."""
    file = write("SASL", WAYS["plain"][1].replace("reader", "nobody"))
    assert await lag(file) == {}

    missing = await rights(file)

    assert [what.partition(":")[0] for what, _ in missing] == [
        "no right to describe every group, nor the cluster",
        "no right to describe every topic",
    ]
    for _, command in missing:
        words = shlex.split(command)
        assert words[:3] == ["kafka-acls.sh", "--bootstrap-server", guarded.at("SASL")]
        assert words[3:5] == ["--command-config", "admin.properties"]
        guarded.tool("AclCommand", *words[5:])

    async def settled() -> bool:
        return await rights(file) == () and await lag(file) == ALL

    await until(settled)


async def test_missing_rights_names_what_is_refused(write: Write, guarded: GuardedKafka) -> None:
    """Listed but refused resources are named; a file that wants only granted ones lacks nothing."""
    guarded.allow(["User:narrow"], "--cluster", "--group", "orders", "--topic", "paid")
    login = WAYS["plain"][1].replace("reader", "narrow")
    some = "groups: {allow: orders}, topics: {allow: [paid, sent]}"
    file = write("SASL", login)

    async def granted() -> bool:
        return len(await rights(file)) == 2

    await until(granted)
    (groups, command), (topics, _) = await rights(file)
    assert groups.startswith("no right to describe group 'hidden'")
    assert command.endswith("--allow-principal User:narrow --operation Describe --group hidden")
    assert topics.startswith("no right to describe every topic")
    assert [what for what, _ in await rights(write("SASL", f"{login}, {some}"))] == [
        "no right to describe topic 'sent': without it there is no lag"
    ]
    assert await lag(write("SASL", f"{login}, {some}")) == {("orders", "paid"): 3}


def test_commands_use_the_security_of_the_file(write: Write) -> None:
    """`lag` prints rows and `check --connect` the missing rights; neither shows the password."""
    file = write(*WAYS["tls and scram"])

    asked = run("lag", "orders", "-f", str(file))

    assert asked.returncode == 0
    assert "paid" in asked.stdout
    checked = run("check", str(write("SASL", SCRAM.replace("reader", "narrow"))), "--connect")
    assert checked.returncode == 1
    assert "kafka-acls.sh --bootstrap-server 127.0.0.1:" in checked.stderr
    assert PASSWORD not in asked.stdout + asked.stderr + checked.stdout + checked.stderr


def test_init_copies_the_security_of_a_file(write: Write, tmp_path: Path) -> None:
    """`init --access` copies how to connect, without the old file's secret."""
    file = write(*WAYS["tls and scram"])
    new = tmp_path / "new.yaml"

    made = run("init", "--access", str(file), "--output", str(new), "--jmx-port", "9")

    assert made.returncode == 0, made.stderr
    assert "lag of 2 groups" in made.stderr
    assert PASSWORD not in new.read_text()
    asked = run("lag", "orders", "-f", str(new), PASSWORD=PASSWORD)
    assert asked.returncode == 0, asked.stderr
    assert "paid" in asked.stdout


def run(*arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    """Run the command line."""
    return subprocess.run(
        [sys.executable, "-m", "jmxbridge", *arguments],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
