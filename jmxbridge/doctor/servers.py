"""The servers of a file, each met once from this machine.

Rule: every address is tried by itself, so that one that is away hides none of the others: each
bootstrap address, and what each broker advertises, which is where Kafka sends its clients.
"""

import asyncio
import ipaddress
import socket
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from jmxbridge.build import make_cluster, make_security, make_transport, make_writer
from jmxbridge.config.loader import pack_rules
from jmxbridge.config.model.models import InfluxSettings, KafkaSettings, TargetSettings
from jmxbridge.doctor.clock import ahead_s
from jmxbridge.doctor.finding import Area, Finding
from jmxbridge.doctor.rights import missing_rights
from jmxbridge.influx.outcome import HttpAnswer
from jmxbridge.influx.probe import probe
from jmxbridge.jmx.errors import JmxError
from jmxbridge.kafka.connection import address, connect
from jmxbridge.kafka.login.security import Security
from jmxbridge.kafka.wire import codec
from jmxbridge.kafka.wire.errors import ConnectFailed, KafkaError, LoginFailed, TlsFailed

TIMEOUT_S = 10.0
"""For one server; all are met at once. A JVM at work may take seconds for its first answer."""

MANY = 16
"""Servers met at a time: enough for a cluster, and no burst of logins."""

_NETWORK = "Look for a firewall between, and whether this machine has a way there"
_NAME = "Correct the name, or teach it this machine: DNS, or /etc/hosts"

# Other classes of error say themselves what to do.
MEND_JMX = {
    "resolve": _NAME,
    "refused": "Start it with JMX (Kafka: JMX_PORT=9999), or correct the port",
    "unreachable": _NETWORK,
    "timeout": f"{_NETWORK}; or the JVM hangs: jstack tells",
    "closed": "See its log; is that its JMX port?",
    "not_rmi": "Name its JMX port; for a Jolokia agent set transport: jolokia",
}
MEND_JOLOKIA = MEND_JMX | {
    "refused": "Start it with its Jolokia agent, or correct the port",
    "closed": "See its log; is that its agent's port?",
}


async def examine_targets(targets: Sequence[TargetSettings]) -> Area:
    """Read one MBean that every JVM has of each target, as `run` connects."""
    turn = asyncio.Semaphore(MANY)

    async def examine(target: TargetSettings) -> Finding | None:
        async with turn:
            return await _examine_target(target)

    found = await asyncio.gather(*map(examine, targets))
    findings = tuple(each for each in found if each is not None)
    answered = len(targets) - len(findings)
    return Area("targets", findings, (f"{answered} of {len(targets)} answer",) if targets else ())


async def _examine_target(target: TargetSettings) -> Finding | None:
    transport = make_transport(target, deadline_s=TIMEOUT_S)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await transport.fetch(pack_rules("jvm")[:1])
    except TimeoutError:
        said = f"no answer from {target.jmx} within {TIMEOUT_S:g} s"
        return Finding(target.name, said, MEND_JMX["timeout"])
    except JmxError as exc:
        mend = MEND_JMX if target.jolokia_url is None else MEND_JOLOKIA
        return Finding(target.name, str(exc), mend.get(exc.error_class, ""))
    finally:
        await transport.close()
    return None


async def examine_kafka(kafka: KafkaSettings) -> Area:
    """Meet each bootstrap address, each broker where it says it is, and ask for our rights."""
    await asyncio.to_thread(codec.load)  # takes long enough to count as a broker's silence
    security = make_security(kafka, timeout_s=TIMEOUT_S)
    listed = [(each.host, each.port) for each in kafka.bootstrap]
    met = await asyncio.gather(*(_meet(host, port, security) for host, port in listed))
    findings = [each for each in met if each is not None]
    if len(findings) == len(listed):
        return Area("kafka", tuple(findings))
    cluster = make_cluster(kafka, timeout_s=TIMEOUT_S)
    try:
        brokers = await cluster.find_brokers()
        strangers = {each: at for each, at in brokers.items() if at not in listed}
        asked = await asyncio.gather(*(_meet(*at, security) for at in strangers.values()))
        for number, away in zip(strangers, asked, strict=True):
            if away is not None:
                findings.append(_advertised(number, away, listed))
        rights = await missing_rights(cluster, kafka)
    except KafkaError as exc:
        return Area("kafka", (*findings, Finding(str(kafka.bootstrap[0]), str(exc))))
    finally:
        await cluster.close()
    findings += [Finding("rights", lacks, command) for lacks, command in rights]
    said = ", ".join(f"{number} at {address(*at)}" for number, at in sorted(brokers.items()))
    return Area("kafka", tuple(findings), (f"brokers {said}",))


async def _meet(host: str, port: int, security: Security) -> Finding | None:
    where = address(host, port)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            connection = await connect(host, port, security)
    except TimeoutError:
        return Finding(where, f"no answer within {TIMEOUT_S:g} s", _NETWORK)
    except KafkaError as exc:
        return Finding(where, str(exc).removeprefix(f"{where}: "), _mend(exc))
    connection.close()
    await connection.wait_closed()
    return None


def _mend(exc: KafkaError) -> str:
    """Errors of TLS, of a login, and of what is no Kafka say themselves what to do."""
    if isinstance(exc, TlsFailed | LoginFailed) or not isinstance(exc, ConnectFailed):
        return ""
    if isinstance(exc.__cause__, socket.gaierror):
        return _NAME
    if isinstance(exc.__cause__, ConnectionRefusedError):
        return "Start the broker, or correct the port"
    return _NETWORK


def _advertised(number: int, away: Finding, listed: Sequence[tuple[str, int]]) -> Finding:
    """Say whose address it is: Kafka's clients, and we, are sent there whatever the file says."""
    where = f"broker {number} advertises {away.where}"
    host = away.where.rpartition(":")[0].strip("[]")
    if is_loopback(host) and not any(is_loopback(each) for each, _ in listed):
        mend = f"That is this machine to every client: set advertised.listeners of broker {number}"
    else:
        mend = (
            f"Set advertised.listeners of broker {number} to where this machine reaches it,"
            f" or see to it that {host} leads there"
        )
    return Finding(where, away.problem, mend)


def is_loopback(host: str) -> bool:
    """Whether a host is the machine that says it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def examine_influxdb(influx: InfluxSettings, cluster: str) -> tuple[Area, float | None]:
    """Write one line to jmxbridge_check, and compare clocks: how far ours is at least ahead."""
    writer = make_writer(influx)
    try:
        found = await probe(writer, cluster=cluster, now=datetime.now(UTC))
        asked_s = time.time()
        outcome = await writer.get("/ping", {})
        date = outcome.date if isinstance(outcome, HttpAnswer) else None
        ahead = ahead_s(asked_s, time.time(), date)
    finally:
        await writer.close()
    if found.problem is None:
        return Area("influxdb", notes=(f"InfluxDB {found.version or '?'} took a line",)), ahead
    mend = ""
    if found.version is None:
        mend = "Start it, or correct influxdb.url"
    elif found.bucket_exists is False:
        mend = f"Create the bucket {influx.bucket}"
    return Area("influxdb", (Finding(influx.url, found.problem, mend),)), ahead
