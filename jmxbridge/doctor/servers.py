"""Examination of the servers in a file, each contacted once from this machine.

Rule: every address is tried on its own, so that an unreachable one hides no other: each bootstrap
address, and the address that each broker advertises, to which Kafka sends its clients.
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
from jmxbridge.kafka.connection import address, connect, peer_name
from jmxbridge.kafka.facts.address_map import AddressMap, HostPort
from jmxbridge.kafka.login.security import Security
from jmxbridge.kafka.wire import codec
from jmxbridge.kafka.wire.errors import ConnectFailed, KafkaError, LoginFailed, TlsFailed

TIMEOUT_S = 10.0
"""For one server; all run at once. A busy JVM may take seconds for its first answer."""

MAX_CONNECTIONS = 16
"""Targets contacted at once: enough for a cluster, and no burst of logins."""

_NETWORK = "Check for a firewall in between, and for a route from this machine"
_NAME = "Correct the name, or add it to DNS or /etc/hosts"

# The messages of other error classes already tell how to fix them.
JMX_FIXES = {
    "resolve": _NAME,
    "refused": "Start it with JMX (Kafka: JMX_PORT=9999), or correct the port",
    "unreachable": _NETWORK,
    "timeout": f"{_NETWORK}; or the JVM hangs: see jstack",
    "closed": "See its log, and check that this is its JMX port",
    "not_rmi": "Set its JMX port; for a Jolokia agent set transport: jolokia",
}
JOLOKIA_FIXES = JMX_FIXES | {
    "refused": "Start it with its Jolokia agent, or correct the port",
    "closed": "See its log, and check that this is its agent's port",
}


async def examine_targets(targets: Sequence[TargetSettings]) -> Area:
    """Read one MBean that every JVM has from each target, connected as in `run`."""
    limit = asyncio.Semaphore(MAX_CONNECTIONS)

    async def examine(target: TargetSettings) -> Finding | None:
        async with limit:
            return await _examine_target(target)

    results = await asyncio.gather(*map(examine, targets))
    findings = tuple(finding for finding in results if finding is not None)
    answered = len(targets) - len(findings)
    return Area("targets", findings, (f"{answered} of {len(targets)} answer",) if targets else ())


async def _examine_target(target: TargetSettings) -> Finding | None:
    transport = make_transport(target, deadline_s=TIMEOUT_S)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await transport.fetch(pack_rules("jvm")[:1])
    except TimeoutError:
        problem = f"no answer from {target.jmx} within {TIMEOUT_S:g} s"
        return Finding(target.name, problem, JMX_FIXES["timeout"])
    except JmxError as exc:
        fixes = JMX_FIXES if target.jolokia_url is None else JOLOKIA_FIXES
        return Finding(target.name, str(exc), fixes.get(exc.error_class, ""))
    finally:
        await transport.close()
    return None


async def examine_kafka(kafka: KafkaSettings) -> Area:
    """Contact each bootstrap address and each advertised one, and check our permissions."""
    await asyncio.to_thread(codec.load)  # slow enough to be mistaken for a silent broker
    security = make_security(kafka, timeout_s=TIMEOUT_S)
    listed = [(bootstrap.host, bootstrap.port) for bootstrap in kafka.bootstrap]
    addresses = kafka.address_map
    results = await asyncio.gather(*(_contact(peer, security, addresses) for peer in listed))
    findings = [finding for finding in results if finding is not None]
    if len(findings) == len(listed):
        return Area("kafka", tuple(findings))
    cluster = make_cluster(kafka, timeout_s=TIMEOUT_S)
    try:
        brokers = await cluster.find_brokers()
        unlisted = {number: peer for number, peer in brokers.items() if peer not in listed}
        peers = unlisted.values()
        results = await asyncio.gather(*(_contact(peer, security, addresses) for peer in peers))
        for (number, (host, port)), finding in zip(unlisted.items(), results, strict=True):
            if finding is not None:
                is_mapped = addresses.get(host, port) is not None
                findings.append(_advertised(number, host, finding, listed, is_mapped=is_mapped))
        rights = await missing_rights(cluster, kafka)
    except KafkaError as exc:
        return Area("kafka", (*findings, Finding(str(kafka.bootstrap[0]), str(exc))))
    finally:
        await cluster.close()
    findings += [Finding("rights", missing, command) for missing, command in rights]
    places = ", ".join(f"{number} at {address(*peer)}" for number, peer in sorted(brokers.items()))
    return Area("kafka", tuple(findings), (f"brokers {places}",))


async def _contact(peer: HostPort, security: Security, addresses: AddressMap) -> Finding | None:
    reached_at = addresses.get(*peer)
    where = peer_name(*peer, reached_at)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            connection = await connect(*peer, security, reached_at=reached_at)
    except TimeoutError:
        return Finding(where, f"no answer within {TIMEOUT_S:g} s", _NETWORK)
    except KafkaError as exc:
        return Finding(where, str(exc).removeprefix(f"{where}: "), _fix(exc))
    connection.close()
    await connection.wait_closed()
    return None


def _fix(exc: KafkaError) -> str:
    """Return the fix; errors of TLS, login and wrong servers already tell it themselves."""
    if isinstance(exc, TlsFailed | LoginFailed) or not isinstance(exc, ConnectFailed):
        return ""
    if isinstance(exc.__cause__, socket.gaierror):
        return _NAME
    if isinstance(exc.__cause__, ConnectionRefusedError):
        return "Start the broker, or correct the port"
    return _NETWORK


def _advertised(
    number: int,
    host: str,
    unreachable: Finding,
    listed: Sequence[HostPort],
    *,
    is_mapped: bool = False,
) -> Finding:
    """Add the broker: Kafka sends its clients to this host, whatever bootstrap contains.

    With `is_mapped` kafka.advertised has another address for it.
    """
    where = f"broker {number} advertises {unreachable.where}"
    if is_mapped:
        fix = f"Open the tunnel, or correct the entry of broker {number} in kafka.advertised"
    elif is_loopback(host) and not any(is_loopback(bootstrap) for bootstrap, _ in listed):
        fix = (
            f"Each client would connect to itself: set advertised.listeners of broker {number}, or"
            " map the address with kafka.advertised"
        )
    else:
        fix = (
            f"Set advertised.listeners of broker {number} to an address that this machine reaches,"
            f" or make {host} resolve to one, or map the address with kafka.advertised"
        )
    return Finding(where, unreachable.problem, fix)


def is_loopback(host: str) -> bool:
    """Tell whether a host is the loopback address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def examine_influxdb(influx: InfluxSettings, cluster: str) -> tuple[Area, float | None]:
    """Write one line to jmxbridge_check; also return the least number of seconds ours is ahead."""
    writer = make_writer(influx)
    try:
        result = await probe(writer, cluster=cluster, now=datetime.now(UTC))
        asked_s = time.time()
        outcome = await writer.get("/ping", {})
        date = outcome.date if isinstance(outcome, HttpAnswer) else None
        ahead = ahead_s(asked_s, time.time(), date)
    finally:
        await writer.close()
    if result.problem is None:
        note = f"InfluxDB {result.version or '?'} accepted a line"
        return Area("influxdb", notes=(note,)), ahead
    fix = ""
    if result.version is None:
        fix = "Start it, or correct influxdb.url"
    elif result.bucket_exists is False:
        fix = f"Create the bucket {influx.bucket}"
    return Area("influxdb", (Finding(influx.url, result.problem, fix),)), ahead
