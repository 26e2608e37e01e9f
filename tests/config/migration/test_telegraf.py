"""Telegraf's inputs and outputs as targets, rules and `influxdb:`."""

from collections.abc import Callable

import pytest

from jmxbridge.config.migration import Migrated, NothingMigrated, migrate
from jmxbridge.config.model.models import Settings

MakeSettings = Callable[..., Settings]

AGENT = """
[[inputs.jolokia2_agent]]
urls = ["http://k1:8778/jolokia"]
[[inputs.jolokia2_agent.metric]]
name = "runtime"
mbean = "java.lang:type=Runtime"
paths = ["Uptime"]
"""

PROXY = """
[global_tags]
dc = "eu"
env = "green"
[agent]
interval = "20s"
[[inputs.jolokia2_proxy]]
url = "http://u:swordfish@proxy:8080/jolokia"
interval = "60s"
default_target_username = "all"
default_target_password = "swordfish"
tags = {env = "blue"}
[[inputs.jolokia2_proxy.target]]
url = "service:jmx:rmi:///jndi/rmi://k1:9991/jmxrmi"
[[inputs.jolokia2_proxy.target]]
url = "service:jmx:rmi:///jndi/rmi://k2:9992/jmxrmi"
username = "me"
password = "$INFLUX_TOKEN"
[[inputs.jolokia2_proxy.metric]]
name = "consumer"
mbean = "kafka.consumer:type=consumer-metrics,client-id=*"
tag_keys = ["client-id", "host"]
fancy = true
"""


def migrated(text: str) -> Migrated:
    """Migrate a telegraf.conf."""
    return migrate("telegraf", text, source="x")


def test_proxy_targets_are_read_at_their_own_ports(settings: MakeSettings) -> None:
    """JVMs of a Jolokia proxy keep their JMX ports, logins and tags."""
    new = migrated(PROXY)
    loaded = settings(new.text, {"INFLUX_TOKEN": "t"}, kafka=False)

    first, second = loaded.targets
    assert [target.jmx.port for target in (first, second)] == [9991, 9992]
    assert (first.transport, first.username, second.username) == ("rmi", None, "me")
    assert first.tags == {"dc": "eu", "env": "blue"}
    (rule,) = loaded.mbeans["telegraf-proxy-1"]
    assert (rule.every_s, rule.tags) == (60.0, {"client-id": "client-id"})
    assert "swordfish" not in new.text
    assert [str(leftover) for leftover in new.leftovers] == [
        "7: the proxy http://proxy:8080/jolokia: its targets are read at their own JMX ports",
        "13: password is not copied: put it into a file and name that as password_file of target"
        " telegraf-proxy-1-1",
        "19: metric consumer: fancy has no counterpart",
        "19: tag host: kafka.consumer:type=consumer-metrics,client-id=* has no such key property",
    ]


def test_logins_in_urls_are_taken_out(settings: MakeSettings) -> None:
    """An address is kept without the password in it; TLS only where the URL has it."""
    new = migrated(
        """
        [[outputs.influxdb]]
        urls = ["http://tg:sword%2Ffish@influx:8086", "http://tg:swordfish@other:8086"]
        retention_policy = "week"
        [[inputs.jolokia2_agent]]
        urls = ["http://jo:swordfish@k1:8778/jolokia", "https://k2:8778/jolokia"]
        tls_ca = "ca.pem"
        insecure_skip_verify = true
        interval = "5s"
        [[inputs.jolokia2_agent.metric]]
        name = "runtime"
        mbean = "java.lang:type=Runtime"
        paths = ["Uptime"]
        """
    )

    loaded = settings(new.text, kafka=False)
    assert loaded.influxdb is not None
    assert (loaded.influxdb.url, loaded.influxdb.bucket) == ("http://influx:8086", "telegraf/week")
    assert [target.jmx.host for target in loaded.targets] == ["k1", "k2"]
    assert [target.tls is not None for target in loaded.targets] == [False, True]
    text = new.text + "".join(map(str, new.leftovers))
    assert "fish" not in text
    assert "http://other:8086: InfluxDB has only one address" in text
    assert "TLS of http://k1:8778/jolokia: the URL says http" in text
    assert "insecure_skip_verify: certificates are always verified" in text
    assert "interval 5s: `every` cannot be shorter" in text


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ("[[inputs.burrow]]", "inputs.burrow: kafka.bootstrap computes lag without Burrow"),
        ("[[processors.rename]]", "processors.rename: stays with Telegraf"),
        ("[[outputs.influxdb]]", "an InfluxDB without urls"),
        ("[agent]\nflush_interval = '1s'", None),
    ],
)
def test_tables_without_a_counterpart_are_listed(table: str, reason: str | None) -> None:
    """Each plugin is listed with what takes its place; the agent's tuning is not."""
    new = migrated(f"{AGENT}{table}\n")

    assert [leftover.reason for leftover in new.leftovers] == ([] if reason is None else [reason])


def test_second_influxdb_is_listed(settings: MakeSettings) -> None:
    """The first output is kept, with its bucket, organization and token."""
    new = migrated(
        """
        [[outputs.influxdb_v2]]
        urls = ["http://a:8086"]
        bucket = "kafka"
        organization = "ops"
        token = "$INFLUX_TOKEN"
        [[outputs.influxdb]]
        urls = ["http://b:8086"]
        """
        + AGENT
    )

    influxdb = settings(new.text, {"INFLUX_TOKEN": "t"}, kafka=False).influxdb
    assert influxdb is not None
    assert (influxdb.bucket, influxdb.org) == ("kafka", "ops")
    assert influxdb.token is not None
    assert [str(leftover) for leftover in new.leftovers] == [
        "7: a second InfluxDB: there is only one"
    ]


def test_metric_without_paths_reads_all(settings: MakeSettings) -> None:
    """Every attribute becomes a field, and the memory of a JVM its four items; `$1` is a key."""
    new = migrated(
        """
        [[inputs.jolokia2_agent]]
        urls = ["http://k1:8778/jolokia"]
        [[inputs.jolokia2_agent.metric]]
        name = "pools"
        mbean = "java.lang:type=MemoryPool,name=*"
        tag_keys = ["name"]
        [[inputs.jolokia2_agent.metric]]
        name = "traffic"
        mbean = "kafka.server:type=BrokerTopicMetrics,name=*"
        field_prefix = "$1."
        field_name = "now"
        """
    )

    pools, memory, traffic = settings(new.text, kafka=False).mbeans["telegraf-1"]
    assert pools.fields[0].name == "{=attribute}"
    assert "PeakUsage.used" in [field.name for field in memory.fields]
    assert [(field.attribute, field.name) for field in traffic.fields] == [("Value", "{=name}.now")]


@pytest.mark.parametrize(
    "text",
    [
        "inputs = 1",
        "inputs = [1, {jolokia2_agent = 3}]",
        "agent = 'x'",
        "[inputs.jolokia2_agent]\nurls = 'http://k:1'\n[inputs.jolokia2_agent.metric]\nmbean = 3",
        "[[inputs.jolokia2_agent]]\ntags = 3\nmetric = [1]\nurls = [[1]]\ninterval = 3",
        "[[inputs.jolokia2_proxy]]\ntarget = 3\nmetric = {name = 1, tag_keys = 1}",
        "[[outputs.influxdb]]\nurls = 3\ntoken = [1]\nusername = {a = 1}",
    ],
)
def test_values_of_another_type_are_no_crash(text: str) -> None:
    """A file that Telegraf itself would refuse gives nothing, and a list of reasons."""
    with pytest.raises(NothingMigrated):
        migrated(text)
