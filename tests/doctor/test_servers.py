"""Servers that are unreachable, or differ from the file."""

import asyncio

import pytest

from demo.servers import free_port
from jmxbridge.config.model.models import KafkaSettings, TargetSettings
from jmxbridge.config.values.address import Address, parse_address
from jmxbridge.config.values.jmx_address import JmxAddress
from jmxbridge.doctor.finding import Finding
from jmxbridge.doctor.servers import _advertised, examine_kafka, examine_targets
from jmxbridge.kafka.cluster.acls import PROBE_NAME
from tests.kafka.cluster.test_acls import refuse_groups
from tests.kafka.fake_answers import Group
from tests.kafka.fake_cluster import FakeCluster


def kafka(*addresses: tuple[str, int]) -> KafkaSettings:
    """Return settings of a cluster at these addresses."""
    return KafkaSettings(bootstrap=tuple(Address(*address) for address in addresses))


async def test_every_bootstrap_address_is_tried() -> None:
    """A dead address in the list is a finding, although the poll needs only one that works."""
    dead = ("127.0.0.1", free_port())
    async with FakeCluster() as fake:
        area = await examine_kafka(kafka(dead, *fake.bootstrap))
    (finding,) = [entry for entry in area.findings if entry.where != "rights"]
    assert finding.where == f"127.0.0.1:{dead[1]}"
    assert finding.problem == "Connection refused"
    assert finding.fix == "Start the broker, or correct the port"


async def test_an_unreachable_advertised_address_is_a_finding() -> None:
    """It is named with the broker's id; other bootstrap addresses do not help."""
    async with FakeCluster(2) as fake:
        await fake.brokers[2].stop()
        area = await examine_kafka(kafka(fake.bootstrap[0]))
    (finding,) = [entry for entry in area.findings if entry.where != "rights"]
    assert finding.where == f"broker 2 advertises 127.0.0.1:{fake.ports[2]}"
    assert "advertised.listeners of broker 2" in finding.fix


async def test_a_controller_in_the_list_is_named() -> None:
    """The message tells the fix already."""
    async with FakeCluster() as fake:
        del fake.versions[3]
        fake.versions[62] = (0, 4)
        area = await examine_kafka(kafka(*fake.bootstrap))
    (finding,) = area.findings
    assert finding.problem.startswith("this is a KRaft controller, not a broker: name a broker's")
    assert finding.fix == ""


async def test_a_mapped_address_is_contacted_where_it_is_mapped_to() -> None:
    """A tunnel is tried in place of the advertised address, and named when it is closed."""
    closed = free_port()
    async with FakeCluster(2) as fake:
        advertised = {fake.ports[1]: fake.ports[1], fake.ports[2]: closed}
        settings = kafka(fake.bootstrap[0]).model_copy(
            update={
                "advertised": {
                    f"127.0.0.1:{port}": Address("127.0.0.1", reachable)
                    for port, reachable in advertised.items()
                }
            }
        )
        area = await examine_kafka(settings)
    (finding,) = [finding for finding in area.findings if finding.where != "rights"]
    name = f"127.0.0.1:{fake.ports[2]} via 127.0.0.1:{closed}"
    assert finding.where == f"broker 2 advertises {name}"
    assert finding.problem == "Connection refused"
    assert finding.fix == "Open the tunnel, or correct the entry of broker 2 in kafka.advertised"


async def test_missing_rights_are_findings() -> None:
    """With the command that grants them: Kafka omits such groups silently."""
    async with FakeCluster() as fake:
        refuse_groups(fake.brokers[1], PROBE_NAME, "orders")
        fake.groups["orders"] = Group({})
        area = await examine_kafka(kafka(*fake.bootstrap))
    (finding,) = area.findings
    assert str(finding).startswith("rights: no right to describe group 'orders': without it there")
    assert "--operation Describe --group orders" in finding.fix


async def test_an_unreachable_cluster() -> None:
    """A finding for each bootstrap address, and none for what could not be queried."""
    area = await examine_kafka(kafka(("127.0.0.1", free_port()), ("127.0.0.1", free_port())))
    assert [finding.problem for finding in area.findings] == ["Connection refused"] * 2


@pytest.mark.parametrize(
    ("advertised", "listed", "word"),
    [
        ("localhost:9092", "kafka-1", "Each client would connect to itself"),
        ("[::1]:9092", "kafka-1", "Each client would connect to itself"),
        ("127.0.0.1:9093", "localhost", "or make 127.0.0.1 resolve to one"),
        ("kafka-9:9092", "kafka-1", "or make kafka-9 resolve to one"),
    ],
)
def test_an_advertised_loopback_address_has_its_own_fix(
    advertised: str, listed: str, word: str
) -> None:
    """The commonest mistake in advertised.listeners."""
    host = parse_address(advertised).host
    finding = _advertised(7, host, Finding(advertised, "Connection refused"), [(listed, 9092)])
    assert word in finding.fix


async def test_targets_have_the_fix_for_their_error() -> None:
    """Nothing listens, something else than JMX listens, or the name is unknown."""
    not_jmx = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = not_jmx.sockets[0].getsockname()[1]
    hosts = {
        "away": JmxAddress("127.0.0.1", free_port()),
        "other": JmxAddress("127.0.0.1", port),
        "nobody": JmxAddress("nobody.invalid", 9999),
    }
    targets = [
        TargetSettings(name=name, jmx=address, collect=("jvm",)) for name, address in hosts.items()
    ]
    agent = JmxAddress("127.0.0.1", free_port())
    targets.append(TargetSettings(name="agent", jmx=agent, collect=("jvm",), transport="jolokia"))
    async with not_jmx:
        area = await examine_targets(targets)
    fixes = {finding.where: finding.fix for finding in area.findings}
    assert "JMX_PORT=9999" in fixes["away"]
    assert "Set its JMX port" in fixes["other"]
    assert "/etc/hosts" in fixes["nobody"]
    assert "Jolokia agent" in fixes["agent"]
    assert area.notes == ("0 of 4 answer",)
