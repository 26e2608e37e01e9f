"""Builder of the objects that settings describe; it starts none of them.

Rule: an object built here has no running task and has opened nothing. The exception is
`open_store`, which opens the store.
"""

import asyncio
import random
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from jmxbridge.config.loader import store_path
from jmxbridge.config.model.models import (
    ClientTls,
    InfluxSettings,
    KafkaSettings,
    SaslSettings,
    Settings,
    TargetSettings,
)
from jmxbridge.config.values.grammar import is_pkcs12
from jmxbridge.influx.client import Writer
from jmxbridge.jmx import Credentials, Tls
from jmxbridge.kafka.cluster.cluster import Cluster
from jmxbridge.kafka.cluster.known_brokers import Brokers, KnownBrokers
from jmxbridge.kafka.facts.names import NameFilter
from jmxbridge.kafka.facts.snapshot import Snapshot
from jmxbridge.kafka.login.sasl import Mechanism, gssapi, oauthbearer, plain, scram
from jmxbridge.kafka.login.security import Security
from jmxbridge.kafka.login.token import BearerToken, ClientCredentials, MskSigner, TokenSource
from jmxbridge.lag.history.saved_state import SavedState
from jmxbridge.lag.output.lag_output import LagOutput
from jmxbridge.lag.output.row_thinning import RowThinning
from jmxbridge.lag.tracker import LagTracker
from jmxbridge.mbeans.consumers import Consumers, reads_consumers
from jmxbridge.mbeans.points import PointMaker
from jmxbridge.mbeans.topics import TopicNames
from jmxbridge.pkcs12 import pem
from jmxbridge.pollers.backoff import Backoff
from jmxbridge.pollers.lag_poll import LagPoll
from jmxbridge.pollers.schedule import RuleSchedule
from jmxbridge.pollers.supervisor import PollerSpec
from jmxbridge.pollers.target import Target
from jmxbridge.secret_source import SecretSource, secret_source
from jmxbridge.state.lag_state import LagStateFile
from jmxbridge.store import Store
from jmxbridge.transports.jmxquery import JmxqueryTransport
from jmxbridge.transports.jolokia import JolokiaTransport
from jmxbridge.transports.jolokia_agent import JolokiaAgent
from jmxbridge.transports.rmi import RmiTransport
from jmxbridge.transports.transport import Transport

DEADLINE_SHARE = 0.9
"""The part of an interval that a poll may take: a longer one would miss the next tick."""

CONNECT_SHARE = 0.5
"""The part of a deadline that connecting may take, so that a silent address is reported by name
instead of as a bare timeout, even for a target that starts late by 0.4 of the interval."""

BROKER_SHARE = 0.5
"""The part of an interval that one broker may take of a lag poll, so that the rows of the other
brokers are in time."""


def make_transport(target: TargetSettings, *, deadline_s: float) -> Transport:
    """Build the transport that reads a target."""
    host, port = target.jmx.host, target.jmx.port
    if target.transport == "jmxquery":
        return JmxqueryTransport(host, port, timeout_s=deadline_s)
    if target.jolokia_url is not None:
        agent = JolokiaAgent(
            target.jolokia_url, credentials=credentials_source(target), tls=tls(target)
        )
        return JolokiaTransport(agent, clock_s=time.monotonic)
    return RmiTransport(
        host,
        port,
        rmi_host=target.server_host,
        rmi_port=target.server_port,
        credentials=credentials_source(target),
        tls=tls(target),
        clock_s=time.monotonic,
        connect_timeout_s=deadline_s * CONNECT_SHARE,
    )


def credentials(target: TargetSettings) -> Credentials | None:
    """Return the credentials of a target, or None if it has none."""
    source = credentials_source(target)
    return None if source is None else source()


def credentials_source(target: TargetSettings) -> Callable[[], Credentials] | None:
    """Return the source of a target's credentials; its password may be in a file that changes."""
    username, password = target.username, target.password
    if username is None or password is None:
        return None
    read_password = secret_source(password)
    return lambda: Credentials(username, read_password())


def tls(target: TargetSettings) -> Tls | None:
    """Return the TLS settings of a target, or None if it has none."""
    if target.tls is None:
        return None
    return replace(client_tls(target.tls), registry=target.tls.registry)


def client_tls(settings: ClientTls) -> Tls:
    """Return certificates to trust and our own; files are read at each connection.

    These are a PKCS#12 store, and the password of the key.
    """
    secret, cert_file = settings.key_password, settings.cert_file
    read_password = None if secret is None else secret_source(secret)
    if cert_file is not None and is_pkcs12(cert_file):

        def identity() -> bytes:
            return pem(cert_file, None if read_password is None else read_password())

        return Tls(
            ca_file=settings.ca_file,
            check_hostname=settings.check_hostname,
            identity=identity,
        )
    return Tls(
        ca_file=settings.ca_file,
        cert_file=cert_file,
        key_file=settings.key_file,
        key_password=read_password,
        check_hostname=settings.check_hostname,
    )


def make_target(
    settings: Settings,
    target: TargetSettings,
    *,
    interval_ns: int,
    topics: TopicNames,
    consumers: Consumers,
) -> Target:
    """Build the poller of a target, with the rules of its sets."""
    deadline_s = settings.interval_s * DEADLINE_SHARE
    tags = {"cluster": settings.cluster, **target.tags, "target": target.name}
    return Target(
        target.name,
        transport=make_transport(target, deadline_s=deadline_s),
        rules=RuleSchedule(settings.rules_for(target), interval_ns),
        point_maker=PointMaker(tags, topics.resolve),
        deadline_s=deadline_s,
        # Jitter needs no secure random numbers.
        backoff=Backoff(settings.interval_s, random.random),
        listeners=(consumers,),
    )


def make_security(kafka: KafkaSettings, *, timeout_s: float) -> Security:
    """Build TLS and login of connections; a token server gets half of the time for a broker."""
    return Security(
        None if kafka.tls is None else client_tls(kafka.tls),
        None if kafka.sasl is None else make_mechanism(kafka.sasl, timeout_s=timeout_s / 2),
    )


def make_mechanism(settings: SaslSettings, *, timeout_s: float) -> Mechanism:
    """Build the SASL mechanism; its keys are present, since the file was checked."""
    secret = settings.password or settings.client_secret
    read_secret: SecretSource = str if secret is None else secret_source(secret)
    if settings.mechanism == "AWS_MSK_IAM":
        region = settings.region or ""
        return oauthbearer(TokenSource(MskSigner(region)), f"AWS, region {region}")
    if settings.mechanism == "OAUTHBEARER":
        client_id = settings.client_id or ""

        async def fetch() -> BearerToken:
            ask = ClientCredentials(
                settings.token_url or "",
                client_id,
                await asyncio.to_thread(read_secret),
                settings.scope,
                settings.token_ca_file,
                timeout_s,
            )
            return await ask()

        return oauthbearer(TokenSource(fetch), f"client {client_id!r}")
    if settings.mechanism == "GSSAPI":
        return gssapi(settings.service or "kafka", settings.principal, settings.keytab_file)
    if settings.mechanism == "PLAIN":
        return plain(settings.username or "", read_secret)
    return scram(settings.mechanism, settings.username or "", read_secret)


def make_consumer_targets(
    settings: Settings, consumers: Consumers, *, timeout_s: float
) -> list[Target]:
    """Build the targets that have consumers, with only the rules that read consumers.

    For a single look: every rule is due at each poll, and a poll may take `timeout_s`.
    """
    mbeans = {
        name: tuple(replace(rule, every_s=None) for rule in rules if reads_consumers(rule))
        for name, rules in settings.mbeans.items()
    }
    narrowed = settings.model_copy(
        update={"mbeans": mbeans, "interval_s": timeout_s / DEADLINE_SHARE}
    )
    return [
        make_target(narrowed, target, interval_ns=1, topics=TopicNames(), consumers=consumers)
        for target in narrowed.targets
        if narrowed.rules_for(target)
    ]


def make_cluster(
    kafka: KafkaSettings, *, timeout_s: float, known_groups: Collection[str] = ()
) -> Cluster:
    """Build the client of a cluster, with the filters of its groups and topics."""
    return Cluster(
        [(address.host, address.port) for address in kafka.bootstrap],
        timeout_s=timeout_s,
        groups=NameFilter(kafka.groups.allow, kafka.groups.deny),
        topics=NameFilter(kafka.topics.allow, kafka.topics.deny),
        # A filter without patterns allows every name; here it must allow none, not even one with a
        # line break.
        read_committed=NameFilter(
            kafka.read_committed, () if kafka.read_committed else (r"(?s:.*)",)
        ),
        internal_topics=kafka.internal_topics,
        known_groups=known_groups,
        security=make_security(kafka, timeout_s=timeout_s),
        addresses=kafka.address_map,
    )


def make_lag_poll(
    settings: Settings,
    kafka: KafkaSettings,
    *,
    interval_ns: int,
    topics: TopicNames,
    consumers: Consumers,
    state_path: Path | None,
    brokers: KnownBrokers | None = None,
) -> LagPoll:
    """Build the lag poll; with `state_path` it continues where the last run ended."""
    state, save = SavedState(), None
    if state_path is not None:
        file = LagStateFile(
            state_path,
            wants_group=NameFilter(kafka.groups.allow, kafka.groups.deny),
            wants_topic=NameFilter(kafka.topics.allow, kafka.topics.deny),
        )
        state, save = file.read(), file.write

    def learn(snapshot: Snapshot, live_brokers: Brokers) -> None:
        topics.learn(snapshot.end_offsets, complete=snapshot.complete)
        if brokers is not None:
            brokers.learn(live_brokers)

    timeout_s = min(kafka.timeout_s, settings.interval_s * BROKER_SHARE)
    return LagPoll(
        make_cluster(kafka, timeout_s=timeout_s, known_groups=state.groups),
        LagTracker(
            state,
            interval_ns=interval_ns,
            allowed_lag=kafka.allowed_lag,
            uncommitted=kafka.uncommitted,
            forget_after_s=kafka.forget_after_s,
            offsets_retention_s=kafka.offsets_retention_s,
        ),
        LagOutput(
            cluster=settings.cluster,
            thinning=RowThinning(
                heartbeat_s=kafka.heartbeat_s,
                granularity=kafka.granularity,
                max_rows=kafka.max_rows,
            ),
            names=kafka.names,
        ),
        save=save,
        consumers=consumers.all,
        listener=learn,
    )


def poller_specs(
    settings: Settings,
    *,
    interval_ns: int,
    topics: TopicNames,
    consumers: Consumers,
    brokers: KnownBrokers | None = None,
    state_path: Path | None = None,
) -> list[PollerSpec]:
    """Return the pollers that a file asks for. `interval_ns` decides which rules are due at a tick.

    `topics` and `consumers` carry what the pollers learn from each other; `brokers` learns the live
    brokers. Two files that ask the same of a target give it the same specification, wherever its
    lines are.
    """
    specs: list[PollerSpec] = []
    for target in settings.targets:
        rules = tuple(replace(rule, where="") for rule in settings.rules_for(target))
        make = partial(
            make_target,
            settings,
            target,
            interval_ns=interval_ns,
            topics=topics,
            consumers=consumers,
        )
        specs.append(PollerSpec((target, rules), make))
    if settings.kafka is not None:
        make_lag = partial(
            make_lag_poll,
            settings,
            settings.kafka,
            interval_ns=interval_ns,
            topics=topics,
            consumers=consumers,
            brokers=brokers,
            state_path=state_path,
        )
        specs.append(PollerSpec(settings.kafka, make_lag))
    return specs


def make_writer(influx: InfluxSettings) -> Writer:
    """Build the writer of one bucket; nothing is sent yet."""
    token, password = influx.token, influx.password
    secret = token or password
    return Writer(
        influx.url,
        bucket=influx.bucket,
        org=influx.org,
        token=None if token is None else token.get_secret_value(),
        username=influx.username,
        password=None if password is None else password.get_secret_value(),
        read_secret=None if secret is None else secret_source(secret),
    )


async def open_store(settings: Settings, environ: Mapping[str, str]) -> Store:
    """Open the store of a file: a spool if it has an InfluxDB, else a history.

    Raises StoreError.
    """
    return await Store.open(
        store_path(settings, environ),
        max_bytes=settings.store.max_bytes,
        retain_s=settings.store.retain_s if settings.influxdb is None else None,
        pause_when_full=settings.store.when_full == "pause",
    )
