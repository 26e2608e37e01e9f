"""build: objects as the settings describe them, with times that fit together."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from jmxbridge.build import (
    CONNECT_SHARE,
    DEADLINE_SHARE,
    client_tls,
    credentials_source,
    make_consumer_targets,
    make_lag_poll,
    make_mechanism,
    make_security,
    make_transport,
    make_writer,
    open_store,
    poller_specs,
)
from jmxbridge.config.loader import load
from jmxbridge.config.model.models import ClientTls, KafkaSettings, SaslSettings, Settings
from jmxbridge.config.values.address import Address
from jmxbridge.jmx import Credentials
from jmxbridge.kafka.login.security import PLAINTEXT
from jmxbridge.kafka.login.token import BearerToken, ClientCredentials
from jmxbridge.mbeans.consumers import Consumers
from jmxbridge.mbeans.topics import TopicNames
from jmxbridge.point import Point
from jmxbridge.pollers.schedule import SPREAD_SHARE, Tick
from jmxbridge.times import NS
from jmxbridge.transports.jmxquery import JmxqueryTransport
from jmxbridge.transports.jolokia import JolokiaTransport
from jmxbridge.transports.rmi import RmiTransport
from tests.kafka.fake_answers import Group
from tests.kafka.fake_cluster import FakeCluster
from tests.transports.scripted_http import http, serving

BROKER = (Address("kafka-1", 9092),)
KAFKA = "kafka: {bootstrap: 'k:1'}\n"


def settings(folder: Path, text: str) -> Settings:
    """Load a file of this text."""
    file = folder / "mbeans.yaml"
    file.write_text(text)
    return load(file, {})


def specifications(settings: Settings) -> list[object]:
    """Return what identifies the pollers of a file."""
    specs = poller_specs(settings, interval_ns=10 * NS, topics=TopicNames(), consumers=Consumers())
    return [spec.specification for spec in specs]


def test_connecting_ends_before_the_deadline_of_a_poll() -> None:
    """Also for a target that starts as late as any may, so that a silent address is reported."""
    assert DEADLINE_SHARE * CONNECT_SHARE < DEADLINE_SHARE - SPREAD_SHARE


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        ("jmx: 'h:9999'", RmiTransport),
        ("jmx: 'http://h:8778/jolokia', transport: jolokia", JolokiaTransport),
        ("jmx: 'h:9999', transport: jmxquery", JmxqueryTransport),
    ],
)
async def test_make_transport_follows_the_file(
    tmp_path: Path, target: str, kind: type[object]
) -> None:
    """RMI is the default; the others are named."""
    [made] = settings(tmp_path, f"targets: [{{name: a, collect: [jvm], {target}}}]\n").targets
    transport = make_transport(made, deadline_s=9.0)
    assert type(transport) is kind
    await transport.close()


def test_poller_specs_are_equal_for_equal_entries(tmp_path: Path) -> None:
    """Lines that move change no target; a rule, a tag or the kafka section does."""
    text = (
        "kafka: {{bootstrap: 'k:1'{kafka}}}\ntargets: [{{name: a, jmx: 'h:9', collect: [r]{a}}}]\n"
    )
    rule = "mbeans: {{r: [{{bean: 'a:type=T', measurement: m, fields: {{X: {field}}}}}]}}\n"

    def of(*, kafka: str = "", a: str = "", field: str = "x", before: str = "") -> list[object]:
        file = before + text.format(kafka=kafka, a=a) + rule.format(field=field)
        return specifications(settings(tmp_path, file))

    target, lag = of()
    assert of(before="\n# a comment\n\n") == [target, lag]
    assert of(field="y")[0] != target
    assert of(a=", tags: {dc: west}")[0] != target
    assert of(kafka=", timeout: 3s") != [target, lag]
    assert of(kafka=", timeout: 3s")[0] == target


async def test_make_consumer_targets_keeps_only_rules_that_read_consumers(tmp_path: Path) -> None:
    """A target without consumers is not polled; rules with `every` are due at once."""
    file = settings(
        tmp_path,
        "targets:\n"
        "  - {name: broker, jmx: '127.0.0.1:1', collect: [jvm]}\n"
        "  - {name: app, jmx: '127.0.0.1:1', collect: [kafka-consumer, jvm]}\n",
    )
    consumers = Consumers()
    [target] = make_consumer_targets(file, consumers, timeout_s=3.0)
    assert target.name == "app"
    [point] = await target.poll(Tick(7, 0))
    assert point.fields["error"] == "refused"
    await target.close()


@pytest.mark.parametrize(
    ("keys", "credentials"),
    [("org: o, token: secret", b"Token secret"), ("username: ann, password: x", b"Token ann:x")],
)
async def test_make_writer_sends_the_credentials_of_the_file(
    tmp_path: Path, keys: str, credentials: bytes
) -> None:
    """A token, or a user with a password: both are hidden in the settings."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(http(b"", status="204 No Content"))
        await writer.drain()

    async with serving(serve) as agent_url:
        url = agent_url.removesuffix("/jolokia/")
        file = settings(tmp_path, f"{KAFKA}influxdb: {{url: '{url}', bucket: b, {keys}}}\n")
        assert file.influxdb is not None
        writer = make_writer(file.influxdb)
        await writer.get("/ping", {})
        await writer.close()
    assert credentials in heads[0]


@pytest.mark.parametrize(
    ("influxdb", "pending", "expired"),
    [("influxdb: {url: 'http://i', bucket: b}\n", 2, 0), ("", 1, 1)],
)
async def test_open_store_makes_a_spool_or_a_history(
    tmp_path: Path, influxdb: str, pending: int, expired: int
) -> None:
    """With an InfluxDB lines wait without a limit of time; without one they expire."""
    path = tmp_path / "store.db"
    file = settings(tmp_path, f"{KAFKA}{influxdb}store: {{path: {path}, retain: 1h}}\n")
    async with await open_store(file, {}) as store:
        await store.append([b"m v=1 1"], time_ns=1, source="test")
        await store.append([b"m v=1 2"], time_ns=2 * 3600 * NS, source="test")
        counts = await store.counts()
    assert (counts.pending, counts.expired) == (pending, expired)


def test_client_tls_of_pem_files() -> None:
    """Files are passed on as they are; only a PKCS#12 store is converted."""
    tls = client_tls(ClientTls(cert_file=Path("me.pem"), key_file=Path("me.key")))
    assert (tls.cert_file, tls.key_file, tls.identity) == (Path("me.pem"), Path("me.key"), None)


def name_and_account(sasl: dict[str, Any]) -> tuple[str, str]:
    """Return Kafka's name for the mechanism of a file, and the account it logs in."""
    settings = SaslSettings.model_validate(sasl)
    security = make_security(KafkaSettings(bootstrap=BROKER, sasl=settings), timeout_s=5.0)
    assert security.mechanism is not None
    return security.mechanism.name, security.mechanism.account


def test_make_security_of_a_plain_listener() -> None:
    """Without tls and sasl there is neither."""
    assert make_security(KafkaSettings(bootstrap=BROKER), timeout_s=5.0) == PLAINTEXT


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_make_security_with_user_and_password(mechanism: str) -> None:
    """The mechanism is the file's."""
    made = name_and_account({"mechanism": mechanism, "username": "ann", "password": "x"})

    assert made == (mechanism, "user 'ann'")


def test_make_security_for_msk_is_oauthbearer() -> None:
    """Amazon's listeners take AWS's signed tokens by that mechanism from clients not in Java."""
    made = name_and_account({"mechanism": "AWS_MSK_IAM", "region": "eu-west-1"})

    assert made == ("OAUTHBEARER", "AWS, region eu-west-1")


def test_make_security_with_a_token_server() -> None:
    """The account is the client of the token server."""
    made = name_and_account(
        {
            "mechanism": "OAUTHBEARER",
            "token_url": "https://id/t",
            "client_id": "bridge",
            "client_secret": "x",
        }
    )

    assert made == ("OAUTHBEARER", "client 'bridge'")


def test_make_security_with_kerberos() -> None:
    """The account is the principal, with its keytab."""
    made = name_and_account(
        {"mechanism": "GSSAPI", "principal": "me@R", "keytab_file": Path("me.keytab")}
    )

    assert made == ("GSSAPI", "'me@R' in me.keytab")


async def lag_points(folder: Path, fake: FakeCluster, second: int, keys: str) -> list[Point]:
    """Poll once with these keys of the kafka section, from the saved state and back into it."""
    host, port = fake.bootstrap[0]
    file = settings(folder, f"kafka: {{bootstrap: '{host}:{port}', {keys}}}\n")
    assert file.kafka is not None
    poll = make_lag_poll(
        file,
        file.kafka,
        interval_ns=10 * NS,
        topics=TopicNames(),
        consumers=Consumers(),
        state_path=folder / "local.lag.json",
    )
    try:
        return list(await poll.poll(Tick(second * NS, 0)))
    finally:
        await poll.close()


async def test_make_lag_poll_follows_the_keys_of_kafka(tmp_path: Path) -> None:
    """Across runs: allowed lag, granularity, read-committed groups, expiry, vanished groups."""
    keys = (
        "allowed_lag: {'a.*': 6}, granularity: {'b.*': topic}, read_committed_groups: b.*,"
        " forget_after: 1h, offsets_retention: 100s"
    )
    async with FakeCluster() as fake:
        fake.add_topic("__consumer_offsets")
        fake.add_topic("x", end=10)
        fake.stable_ends["x", 0] = 8
        fake.groups["aa"] = Group({"x": {0: 4}}, state="Empty")
        fake.groups["bb"] = Group({"x": {0: 4}}, state="Stable")

        first = await lag_points(tmp_path, fake, 1000, keys)
        del fake.groups["bb"]
        second = await lag_points(tmp_path, fake, 1030, keys)
        third = await lag_points(tmp_path, fake, 5000, keys)

    def fields(points: list[Point], measurement: str, group: str) -> dict[str, object]:
        for point in points:
            if point.measurement == measurement and point.tags["group"] == group:
                return dict(point.fields)
        return {}

    assert fields(first, "kafka_consumer_lag", "aa")["lag_seconds"] == 0.0
    assert fields(first, "kafka_consumer_lag", "bb") == {}
    assert fields(first, "kafka_consumer_lag_topic", "bb")["lag_sum"] == 4
    assert fields(second, "kafka_consumer_group", "aa")["expires_in_seconds"] == 70.0
    assert fields(second, "kafka_consumer_group", "bb") == {"vanished": True}
    assert fields(second, "kafka_consumer_lag_group", "bb")["lag_sum"] == 4
    assert fields(third, "kafka_consumer_group", "bb") == {}


async def test_make_lag_poll_renames_measurements_and_fields(tmp_path: Path) -> None:
    """Names of another tool, at every poll."""
    keys = "names: {kafka_consumer_lag: burrow_partition, kafka_consumer_lag_group.lag_sum: total}"
    async with FakeCluster() as fake:
        fake.add_topic("x", end=10)
        fake.groups["aa"] = Group({"x": {0: 4}})
        points = {
            point.measurement: point for point in await lag_points(tmp_path, fake, 1000, keys)
        }

    assert points["burrow_partition"].fields["lag"] == 6
    assert points["kafka_consumer_lag_group"].fields["total"] == 6
    assert "kafka_consumer_lag" not in points


async def test_make_lag_poll_assumes_positions_of_uncommitted_partitions(tmp_path: Path) -> None:
    """From the second poll on, when assignments are known; the partitions count as uncommitted."""
    async with FakeCluster() as fake:
        fake.add_topic("__consumer_offsets")
        fake.add_topic("x", end=10)
        fake.starts["x", 0] = 3
        fake.groups["g"] = Group({}, members=[("c", {"x": [0]})])
        host, port = fake.bootstrap[0]
        file = settings(tmp_path, f"kafka: {{bootstrap: '{host}:{port}', uncommitted: earliest}}\n")
        (spec,) = poller_specs(
            file, interval_ns=10 * NS, topics=TopicNames(), consumers=Consumers()
        )
        poll = spec.make()
        try:
            polls = [await poll.poll(Tick(n * 10 * NS, 0)) for n in range(7)]
        finally:
            await poll.close()

    lags = [
        [p.fields["lag"] for p in points if p.measurement == "kafka_consumer_lag"]
        for points in polls
    ]
    assert lags == [[], [7], [], [], [], [], [7]]
    made = [point for points in polls for point in points]
    sums = [p.fields for p in made if p.measurement == "kafka_consumer_lag_group"]
    assert [fields["lag_sum"] for fields in sums[1:]] == [7] * 6
    assert [fields.get("partitions_uncommitted") for fields in sums] == [1, *[None] * 5, 1]


async def test_read_committed_groups_are_those_of_the_file(tmp_path: Path) -> None:
    """A group with a line break in its name, which a pattern's dot does not match, is none."""
    async with FakeCluster() as fake:
        fake.add_topic("x", end=10)
        fake.stable_ends["x", 0] = 8
        fake.groups["two\nlines"] = Group({"x": {0: 4}})

        points = await lag_points(tmp_path, fake, 1000, "timeout: 5s")

    (row,) = (point for point in points if point.measurement == "kafka_consumer_lag")
    assert row.fields["lag"] == 6


@pytest.mark.parametrize("cert_file", ["me.pem", "me.p12"])
def test_client_tls_reads_the_password_of_the_key_at_each_connection(
    cert_file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is replaced with the certificate, which is read then as well."""
    (tmp_path / "key").write_text("old-fish")
    tls = f"{{cert_file: {cert_file}, key_password_file: key}}"
    kafka = settings(tmp_path, f"kafka: {{bootstrap: 'k:1', tls: {tls}}}\n").kafka
    assert kafka is not None
    assert kafka.tls is not None
    monkeypatch.setattr("jmxbridge.build.pem", lambda path, password: password.encode())
    made = client_tls(kafka.tls)

    def current() -> str:
        if made.identity is not None:
            return made.identity().decode()
        assert callable(made.key_password)
        return made.key_password()

    assert current() == "old-fish"
    (tmp_path / "key").write_text("new-fish")
    assert current() == "new-fish"


async def test_credentials_source_reads_a_password_file_at_each_login(tmp_path: Path) -> None:
    """The password of a target; without one there is no source."""
    (tmp_path / "jmx").write_text("old-fish")
    (tmp_path / "mbeans.yaml").write_text(
        "targets:\n"
        "  - {name: a, jmx: 'a:1', collect: [jvm], username: me, password_file: jmx}\n"
        "  - {name: b, jmx: 'b:1', collect: [jvm]}\n"
    )
    with_password, without = load(tmp_path / "mbeans.yaml", {}).targets
    source = credentials_source(with_password)
    assert source is not None
    assert source() == Credentials("me", "old-fish")

    (tmp_path / "jmx").write_text("new-fish")

    assert source() == Credentials("me", "new-fish")
    assert credentials_source(without) is None


async def test_make_mechanism_requests_tokens_with_the_current_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client's secret may be replaced in its file; each token is requested with the new one."""
    (tmp_path / "secret").write_text("old-fish")
    (tmp_path / "mbeans.yaml").write_text(
        "kafka:\n  bootstrap: k:9092\n  sasl:\n"
        "    {mechanism: OAUTHBEARER, token_url: 'https://id/t', client_id: c,"
        " client_secret_file: secret}\n"
    )
    kafka = load(tmp_path / "mbeans.yaml", {}).kafka
    assert kafka is not None
    assert kafka.sasl is not None
    used: list[str] = []

    async def fetch(self: ClientCredentials) -> BearerToken:
        used.append(self.client_secret)
        return BearerToken("token", 60.0)

    monkeypatch.setattr(ClientCredentials, "__call__", fetch)
    mechanism = make_mechanism(kafka.sasl, timeout_s=5.0)

    await mechanism.begin("k")
    (tmp_path / "secret").write_text("new-fish")
    mechanism.refused()
    await mechanism.begin("k")

    assert used == ["old-fish", "new-fish"]


async def test_make_writer_sends_the_token_that_is_in_the_file(tmp_path: Path) -> None:
    """A token that is replaced there needs no restart."""
    (tmp_path / "token").write_text("old-token")
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            heads.append(head)
            writer.write(http(b""))

    async with serving(serve) as url:
        base = url.removesuffix("/jolokia/")
        text = f"influxdb: {{url: '{base}', bucket: b, token_file: token}}\n{KAFKA}"
        influx = settings(tmp_path, text).influxdb
        assert influx is not None
        writer = make_writer(influx)
        await writer.get("/ping", {})
        (tmp_path / "token").write_text("new-token")
        await writer.get("/ping", {})
        await writer.close()

    assert [b"Token old-token" in heads[0], b"Token new-token" in heads[1]] == [True, True]
