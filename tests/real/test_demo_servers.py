"""The servers of `demo/`: restarts keep their data, and only this host can connect."""

from collections.abc import Callable
from pathlib import Path

import pytest

from demo.servers import Client, Influx, Kafka, ServerError

pytestmark = pytest.mark.real

LISTENS = "0A"  # TCP state in /proc/net/tcp
LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F"}  # 127.0.0.1, and mapped into IPv6


def listening_addresses(port: int) -> set[str]:
    """Return the local addresses, in the kernel's notation, on which a port listens."""
    lines = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    ]
    local = [words[1].partition(":") for words in lines if words[3] == LISTENS]
    return {address for address, _, number in local if int(number, 16) == port}


def test_servers_listen_on_loopback_only(kafka: Kafka, influx: Influx, client: Client) -> None:
    """Broker, JMX and HTTP listen on 127.0.0.1 only."""
    for port in (kafka.port, kafka.jmx_port, client.jmx_port, influx.port):
        addresses = listening_addresses(port)
        assert addresses
        assert addresses <= LOOPBACK


def test_kafka_restarts_as_the_same_broker(tmp_path: Path) -> None:
    """Topics, committed offsets and ports are unchanged; clients continue."""
    with Kafka(tmp_path) as kafka, Client(kafka) as client:
        ports = kafka.port, kafka.jmx_port
        client.create("orders", 3)
        client.produce("orders", 10)
        client.commit("billing", "orders")
        kafka.restart()
        client.produce("orders", 5)
        assert (kafka.port, kafka.jmx_port) == ports
        described = kafka.tool(
            "consumer.group.ConsumerGroupCommand", "--describe", "--group", "billing"
        )
        rows = [line.split()[1:6] for line in described.splitlines() if "billing " in line]
    assert sorted(rows) == [
        ["orders", "0", "4", "6", "2"],
        ["orders", "1", "3", "5", "2"],
        ["orders", "2", "3", "4", "1"],
    ]


def test_influx_restarts_with_its_data(tmp_path: Path) -> None:
    """A restarted InfluxDB has everything it acknowledged."""
    with Influx(tmp_path) as influx:
        url = influx.url
        name = influx.create_database()
        influx.kill()
        assert not influx.answers()
        influx.start()
        assert influx.url == url
        assert {"name": name} in influx.query("SHOW DATABASES")


def test_a_client_consumes_and_commits_what_was_produced(
    kafka: Kafka, client: Client, consumer: Client, fresh_name: Callable[[str], str]
) -> None:
    """After `unsubscribe` the group has committed every record it consumed."""
    topic, group = fresh_name("orders"), fresh_name("billing")
    client.create(topic, 2)
    client.produce(topic, 100)
    consumer.subscribe(group, topic, "billing-1")
    consumer.wait_consumed(100)
    consumer.unsubscribe()
    described = kafka.tool("consumer.group.ConsumerGroupCommand", "--describe", "--group", group)
    rows = [line.split()[2:6] for line in described.splitlines() if topic in line]
    assert sorted(rows) == [["0", "50", "50", "0"], ["1", "50", "50", "0"]]


def test_a_request_that_a_server_refuses_is_an_error(client: Client, influx: Influx) -> None:
    """An impossible request raises ServerError with the server's message."""
    with pytest.raises(ServerError, match=r"delete no-such-topic: .*UnknownTopicOrPartition"):
        client.delete("no-such-topic")
    with pytest.raises(ServerError, match="error parsing query"):
        influx.query("SELEKT")
