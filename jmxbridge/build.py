"""Settings to rooms: builds each of them as a file asks, and starts none.

What is built here has no task of its own and has opened nothing but, in `open_store`, the store.
"""

import random
import time
from collections.abc import Collection, Mapping
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
from jmxbridge.kafka.cluster.acls import Scope, principal
from jmxbridge.kafka.cluster.cluster import Cluster
from jmxbridge.kafka.cluster.known_brokers import KnownBrokers
from jmxbridge.kafka.facts.names import NameFilter
from jmxbridge.kafka.login.sasl import Mechanism, gssapi, oauthbearer, plain, scram
from jmxbridge.kafka.login.security import Security
from jmxbridge.kafka.login.token import ClientCredentials, MskSigner, TokenSource
from jmxbridge.lag.history.saved_state import SavedState
from jmxbridge.lag.output.row_thinning import RowThinning
from jmxbridge.mbeans.consumers import Consumers, asks_for_consumers
from jmxbridge.mbeans.points import PointMaker
from jmxbridge.mbeans.topics import TopicNames
from jmxbridge.pkcs12 import pem
from jmxbridge.pollers.backoff import Backoff
from jmxbridge.pollers.lag_poll import LagPoll
from jmxbridge.pollers.schedule import RuleSchedule
from jmxbridge.pollers.supervisor import PollerSpec
from jmxbridge.pollers.target import Target
from jmxbridge.state.lag_state import LagStateFile
from jmxbridge.store import Store
from jmxbridge.transports.jmxquery import JmxqueryTransport
from jmxbridge.transports.jolokia import JolokiaTransport
from jmxbridge.transports.jolokia_agent import JolokiaAgent
from jmxbridge.transports.rmi import RmiTransport
from jmxbridge.transports.transport import Transport

# Of an interval: a poll that has not ended by then would miss the next tick.
DEADLINE_SHARE = 0.9
# Of a deadline: connecting ends before the poll is given up, also one that begins late by 0.4 of
# the interval, so that of an address that stays silent it is heard which one, and what mends it.
CONNECT_SHARE = 0.5
# Of an interval: what one broker may take of a lag poll, so that the others' rows are in time.
BROKER_SHARE = 0.5


def make_transport(target: TargetSettings, *, deadline_s: float) -> Transport:
    """Build the way a target is read."""
    host, port = target.jmx.host, target.jmx.port
    if target.transport == "jmxquery":
        return JmxqueryTransport(host, port, timeout_s=deadline_s)
    if target.jolokia_url is not None:
        agent = JolokiaAgent(target.jolokia_url, credentials=credentials(target), tls=tls(target))
        return JolokiaTransport(agent, clock_s=time.monotonic)
    return RmiTransport(
        host,
        port,
        rmi_host=target.server_host,
        rmi_port=target.server_port,
        credentials=credentials(target),
        tls=tls(target),
        clock_s=time.monotonic,
        connect_timeout_s=deadline_s * CONNECT_SHARE,
    )


def credentials(target: TargetSettings) -> Credentials | None:
    """Return what opens a target, None where nothing is said."""
    if target.username is None or target.password is None:
        return None
    return Credentials(target.username, target.password.get_secret_value())


def tls(target: TargetSettings) -> Tls | None:
    """Return how a target's connection is protected, None where it is not."""
    if target.tls is None:
        return None
    return replace(client_tls(target.tls), registry=target.tls.registry)


def client_tls(settings: ClientTls) -> Tls:
    """Return whom to trust and who we are; a PKCS#12 store is read at each connection."""
    hidden, store = settings.key_password, settings.cert_file
    password = None if hidden is None else hidden.get_secret_value()
    if store is not None and is_pkcs12(store):
        return Tls(
            ca_file=settings.ca_file,
            check_hostname=settings.check_hostname,
            identity=partial(pem, store, password),
        )
    return Tls(
        ca_file=settings.ca_file,
        cert_file=store,
        key_file=settings.key_file,
        key_password=password,
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
    """Build a target with the rules its sets name."""
    deadline_s = settings.interval_s * DEADLINE_SHARE
    tags = {"cluster": settings.cluster, **target.tags, "target": target.name}
    return Target(
        target.name,
        transport=make_transport(target, deadline_s=deadline_s),
        rules=RuleSchedule(settings.rules_for(target), interval_ns),
        point_maker=PointMaker(tags, topics.resolve),
        deadline_s=deadline_s,
        # Jitter needs no secrecy.
        backoff=Backoff(settings.interval_s, random.random),
        listeners=(consumers,),
    )


def make_security(kafka: KafkaSettings, *, timeout_s: float) -> Security:
    """Build what every connection to a cluster has; a token server gets half of a broker's time."""
    return Security(
        None if kafka.tls is None else client_tls(kafka.tls),
        None if kafka.sasl is None else make_mechanism(kafka.sasl, timeout_s=timeout_s / 2),
    )


def make_mechanism(settings: SaslSettings, *, timeout_s: float) -> Mechanism:
    """Build the way to log in; the keys it needs are there, for the file was checked."""
    hidden = settings.password or settings.client_secret
    secret = "" if hidden is None else hidden.get_secret_value()
    if settings.mechanism == "AWS_MSK_IAM":
        region = settings.region or ""
        return oauthbearer(TokenSource(MskSigner(region)), f"AWS, region {region}")
    if settings.mechanism == "OAUTHBEARER":
        client_id = settings.client_id or ""
        ask = ClientCredentials(
            settings.token_url or "",
            client_id,
            secret,
            settings.scope,
            settings.token_ca_file,
            timeout_s,
        )
        return oauthbearer(TokenSource(ask), f"client {client_id!r}")
    if settings.mechanism == "GSSAPI":
        return gssapi(settings.service or "kafka", settings.principal, settings.keytab_file)
    if settings.mechanism == "PLAIN":
        return plain(settings.username or "", secret)
    return scram(settings.mechanism, settings.username or "", secret)


def make_listeners(settings: Settings, consumers: Consumers, *, timeout_s: float) -> list[Target]:
    """Build what hears the consumers of a file, and nothing else, for somebody who looks."""
    mbeans = {
        name: tuple(replace(rule, every_s=None) for rule in rules if asks_for_consumers(rule))
        for name, rules in settings.mbeans.items()
    }
    quick = settings.model_copy(update={"mbeans": mbeans, "interval_s": timeout_s / DEADLINE_SHARE})
    return [
        make_target(quick, target, interval_ns=1, topics=TopicNames(), consumers=consumers)
        for target in quick.targets
        if quick.rules_for(target)
    ]


def make_cluster(
    kafka: KafkaSettings, *, timeout_s: float, known_groups: Collection[str] = ()
) -> Cluster:
    """Build the connections to a cluster, with the names to look at."""
    return Cluster(
        [(each.host, each.port) for each in kafka.bootstrap],
        timeout_s=timeout_s,
        groups=NameFilter(kafka.groups.allow, kafka.groups.deny),
        topics=NameFilter(kafka.topics.allow, kafka.topics.deny),
        # No pattern allows every name in a filter, and no group here, a line break in it or not.
        read_committed=NameFilter(
            kafka.read_committed, () if kafka.read_committed else (r"(?s:.*)",)
        ),
        internal_topics=kafka.internal_topics,
        known_groups=known_groups,
        security=make_security(kafka, timeout_s=timeout_s),
    )


async def missing_rights(cluster: Cluster, kafka: KafkaSettings) -> tuple[tuple[str, str], ...]:
    """Find out which rights a file wants and we lack: each, and the command that grants it.

    Raises KafkaUnavailable.
    """
    missing = await cluster.missing_rights(
        Scope.by(kafka.groups.allow, kafka.groups.deny),
        Scope.by(kafka.topics.allow, kafka.topics.deny),
    )
    bootstrap = str(kafka.bootstrap[0])
    certificate = None if kafka.tls is None else kafka.tls.cert_file
    us = principal(
        sasl=kafka.sasl is not None,
        username=None if kafka.sasl is None else kafka.sasl.username,
        certificate=None if certificate is None else certificate.name,
    )
    secured = kafka.tls is not None or kafka.sasl is not None
    return tuple(
        (str(each), each.command(principal=us, bootstrap=bootstrap, secured=secured))
        for each in missing
    )


def make_lag_poll(
    settings: Settings,
    kafka: KafkaSettings,
    *,
    interval_ns: int,
    topics: TopicNames,
    consumers: Consumers,
    memory_path: Path | None,
    brokers: KnownBrokers | None = None,
) -> LagPoll:
    """Build the lag poll; with a path it goes on where the last run ended."""
    memory, save = SavedState(), None
    if memory_path is not None:
        file = LagStateFile(
            memory_path,
            wants_group=NameFilter(kafka.groups.allow, kafka.groups.deny),
            wants_topic=NameFilter(kafka.topics.allow, kafka.topics.deny),
        )
        memory, save = file.read(), file.write
    timeout_s = min(kafka.timeout_s, settings.interval_s * BROKER_SHARE)
    return LagPoll(
        make_cluster(kafka, timeout_s=timeout_s, known_groups=memory.groups),
        cluster_name=settings.cluster,
        interval_ns=interval_ns,
        allowed_lag=kafka.allowed_lag,
        forget_after_s=kafka.forget_after_s,
        offsets_retention_s=kafka.offsets_retention_s,
        volume=RowThinning(
            heartbeat_s=kafka.heartbeat_s,
            granularity=kafka.granularity,
            max_rows=kafka.max_rows,
        ),
        memory=memory,
        save=save,
        learn_topics=topics.learn,
        learn_brokers=None if brokers is None else brokers.learn,
        consumers=consumers.all,
        uncommitted=kafka.uncommitted,
        names=kafka.names,
    )


def poller_specs(
    settings: Settings,
    *,
    interval_ns: int,
    topics: TopicNames,
    consumers: Consumers,
    brokers: KnownBrokers | None = None,
    memory_path: Path | None = None,
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
            memory_path=memory_path,
        )
        specs.append(PollerSpec(settings.kafka, make_lag))
    return specs


def make_writer(influx: InfluxSettings) -> Writer:
    """Build the writer to one bucket; nothing is sent yet."""
    token, password = influx.token, influx.password
    return Writer(
        influx.url,
        bucket=influx.bucket,
        org=influx.org,
        token=None if token is None else token.get_secret_value(),
        username=influx.username,
        password=None if password is None else password.get_secret_value(),
    )


async def open_store(settings: Settings, environ: Mapping[str, str]) -> Store:
    """Open the store of a file: a spool where there is an InfluxDB, a history where there is none.

    Raises StoreError.
    """
    return await Store.open(
        store_path(settings, environ),
        max_bytes=settings.store.max_bytes,
        retain_s=settings.store.retain_s if settings.influxdb is None else None,
        pause_when_full=settings.store.when_full == "pause",
    )
