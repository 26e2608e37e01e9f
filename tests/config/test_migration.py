"""Files of other tools, what they become, and what is said of the rest.

`migration/TOOL.*` is the old file, `TOOL.yaml` what it becomes.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.config.migration import TOOLS, Migrated, NothingMigrated, WrongFile, migrate
from jmxbridge.config.migration.draft import without_login
from jmxbridge.config.model.models import Settings
from jmxbridge.config.settings_builder import build
from jmxbridge.config.values.address import Address

HERE = Path(__file__).parent / "migration"
OLD = {"telegraf": "telegraf.conf", "jmxtrans": "jmxtrans.json", "jmx-exporter": "jmx-exporter.yml"}
NEW = {tool: f"{tool}.yaml" for tool in OLD}


def migrated(tool: str) -> Migrated:
    """Carry over the file of a tool."""
    return migrate(tool, (HERE / OLD[tool]).read_text(), source=OLD[tool])


def settings(text: str) -> Settings:
    """Check a file; raises ConfigError."""

    def no_files(path: Path) -> str:
        raise AssertionError(path)

    environ = {"INFLUX_TOKEN": "t"}
    return build(text, path=Path("mbeans.yaml"), environ=environ, read_secret=no_files)


def test_every_tool_is_tested() -> None:
    """Each reader has a file here."""
    assert TOOLS.keys() == OLD.keys()


@pytest.mark.parametrize("tool", OLD)
def test_becomes_this_file(tool: str) -> None:
    """The whole of it, with what is not carried over listed at its end."""
    made = migrated(tool)

    assert made.text == (HERE / NEW[tool]).read_text()
    assert all(f"# {OLD[tool]}:{each}\n" in made.text for each in made.leftovers)


@pytest.mark.parametrize("tool", OLD)
def test_passes_check(tool: str) -> None:
    """What is written needs no mending; every target has something to read."""
    made = settings(migrated(tool).text)

    assert made.targets
    assert all(made.rules_for(target) for target in made.targets)


@pytest.mark.parametrize("tool", OLD)
def test_copies_no_secret(tool: str) -> None:
    """A password in the old file is in neither the new one nor in what is said."""
    made = migrated(tool)

    said = made.text + "".join(map(str, made.leftovers))
    assert not [word for word in ("swordfish", "hunter2") if word in said]


@pytest.mark.parametrize("tool", OLD)
def test_every_rule_is_carried_or_listed(tool: str) -> None:
    """Each metric, query and pattern is in the new file or in the list, by its line."""
    word = {"telegraf": "metric]]", "jmxtrans": '"obj"', "jmx-exporter": "- pattern"}[tool]
    lines = (HERE / OLD[tool]).read_text().splitlines()
    there = {number for number, line in enumerate(lines, 1) if word in line}
    made = migrated(tool)

    listed = {each.line for each in made.leftovers}
    assert {n for n in there if f"# line {n}\n" not in made.text} <= listed
    assert there


def test_a_rule_the_checker_refuses_is_listed() -> None:
    """The checker's own words say why; the other rules stay."""
    good = {"obj": "java.lang:type=Runtime", "attr": ["Uptime"], "resultAlias": "runtime"}
    bad = {**good, "resultAlias": "kafka_consumer_lag", "attr": ["StartTime"]}
    made = migrate("jmxtrans", jmxtrans(good, bad), source="x.json")

    assert [each.reason for each in made.leftovers] == [
        "not carried over: jmxbridge writes this measurement itself"
    ]
    assert [rule.measurement for rule in settings(made.text).mbeans["jmxtrans-1"]] == ["runtime"]


def test_nothing_of_use_is_no_file() -> None:
    """Where no rule fits there is no file, and the list says why."""
    with pytest.raises(NothingMigrated) as caught:
        migrate("jmxtrans", jmxtrans({"obj": "nonsense"}), source="x.json")

    said = [each.reason for each in caught.value.leftovers]
    assert said[0] == "nothing is read from it"
    assert "query nonsense" in said[1]


def test_lag_is_added_where_the_brokers_are_known() -> None:
    """None of the old tools computes lag; the new file may."""
    text = (HERE / OLD["jmxtrans"]).read_text()
    made = migrate("jmxtrans", text, source="x", bootstrap=[Address("::1", 9092)])

    kafka = settings(made.text).kafka
    assert kafka is not None
    assert [str(each) for each in kafka.bootstrap] == ["[::1]:9092"]


@pytest.mark.parametrize(
    ("tool", "text", "said"),
    [
        ("telegraf", "[[inputs", "not TOML"),
        ("jmxtrans", "{}", "is this a file of jmxtrans?"),
        ("jmxtrans", '{"servers": [', "line 1"),
        ("jmx-exporter", "{}", "is this a file of jmx_exporter?"),
        ("jmx-exporter", "rules: [", "line 1"),
    ],
)
def test_says_that_it_is_another_file(tool: str, text: str, said: str) -> None:
    """A file of another kind is refused in a sentence."""
    with pytest.raises(WrongFile, match=said):
        migrate(tool, text, source="x")


@pytest.mark.parametrize("tool", TOOLS)
@given(data=st.data())
def test_any_text_is_a_file_or_is_refused(tool: str, data: st.DataObject) -> None:
    """Parts of a real file in any order: carried over so that it passes check, or refused."""
    lines = (HERE / OLD[tool]).read_text().splitlines()
    cut = data.draw(st.lists(st.sampled_from(lines), max_size=30))
    text = "\n".join(cut)
    try:
        made = migrate(tool, text, source="x")
    except (WrongFile, NothingMigrated):
        return
    settings(made.text)


def test_telegraf_proxy_targets_are_read_at_their_own_ports() -> None:
    """What a Jolokia proxy reads over JMX is read so here, with its login and its names."""
    made = migrate("telegraf", PROXY, source="x")

    first, second = settings(made.text.replace("interval: 20s", "interval: 10s")).targets
    assert [each.jmx.port for each in (first, second)] == [9991, 9992]
    assert (first.transport, first.username, second.username) == ("rmi", None, "me")
    assert first.tags == {"dc": "eu", "env": "blue"}
    (rule,) = settings(made.text).mbeans["telegraf-proxy-1"]
    assert (rule.every_s, rule.tags) == (60.0, {"client-id": "client-id"})
    assert "swordfish" not in made.text
    assert [str(each) for each in made.leftovers] == [
        "7: the proxy http://proxy:8080/jolokia: its targets are read at their own JMX ports",
        "13: password is not copied: put it into a file and name that as password_file of target"
        " telegraf-proxy-1-1",
        "19: metric consumer: fancy has no counterpart",
        "19: tag host: kafka.consumer:type=consumer-metrics,client-id=* has no such key property",
    ]


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


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://u:p@h:80/x", ("http://h:80/x", "u", "p")),
        ("http://u:p/q%40@h", ("http://h", "u", "p/q@")),
        ("http://u:1/2@h:80", ("http://h:80", "u", "1/2")),
        ("http://u@h", ("http://h", "u", "")),
        ("http://h/x?y=a@b", ("http://h/x?y=a@b", "", "")),
        ("http://h:80", ("http://h:80", "", "")),
    ],
)
def test_a_login_is_what_may_hold_a_password(url: str, expected: tuple[str, str, str]) -> None:
    """Rather a host too few than a password in the new file."""
    assert without_login(url) == expected


def test_telegraf_logins_in_urls_are_taken_out() -> None:
    """An address is carried over without the password in it; TLS only where the URL has it."""
    made = migrate(
        "telegraf",
        """
        [[outputs.influxdb]]
        urls = ["http://tg:sword%2Ffish@influx:8086", "http://tg:swordfish@other:8086"]
        [[inputs.jolokia2_agent]]
        urls = ["http://jo:swordfish@k1:8778/jolokia", "https://k2:8778/jolokia"]
        tls_ca = "ca.pem"
        interval = "5s"
        [[inputs.jolokia2_agent.metric]]
        name = "runtime"
        mbean = "java.lang:type=Runtime"
        paths = ["Uptime"]
        """,
        source="x",
    )

    found = settings(made.text)
    assert found.influxdb is not None
    assert found.influxdb.url == "http://influx:8086"
    assert [each.jmx.host for each in found.targets] == ["k1", "k2"]
    assert [each.tls is not None for each in found.targets] == [False, True]
    said = made.text + "".join(map(str, made.leftovers))
    assert "fish" not in said
    assert "TLS of http://k1:8778/jolokia: the URL says http" in said
    assert "interval 5s: `every` cannot be shorter" in said


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
def test_telegraf_values_of_another_kind(text: str) -> None:
    """A file that Telegraf itself would refuse ends in a sentence."""
    with pytest.raises(NothingMigrated):
        migrate("telegraf", text, source="x")


def test_jmxtrans_tags_and_policy_of_the_writer_are_carried() -> None:
    """A writer's tags are the target's; servers of one alias are two targets; no login in a URL."""
    query = {
        "obj": "kafka.server:type=A,name=*",
        "attr": ["Count"],
        "typeNames": ["name", "nobody"],
        "useAllTypeNames": True,
    }
    writer = {
        "@class": "x.InfluxDbWriterFactory",
        "url": "http://u:swordfish@influx:8086/",
        "database": "jmx",
        "retentionPolicy": "week",
        "tags": {"dc": "eu", "cluster": "blue"},
        "booleanAsNumber": True,
    }
    servers = [
        {
            "host": host,
            "port": 9999,
            "alias": "kafka",
            "queries": [query],
            "outputWriters": [writer],
        }
        for host in ("k1", "k2")
    ]
    made = migrate("jmxtrans", json.dumps({"servers": servers}), source="x")

    found = settings(made.text)
    assert found.influxdb is not None
    assert (found.influxdb.url, found.influxdb.bucket) == ("http://influx:8086", "jmx/week")
    assert [each.name for each in found.targets] == ["kafka", "kafka-k2:9999"]
    assert found.targets[1].tags == {"dc": "eu", "cluster_key": "blue"}
    assert found.mbeans["jmxtrans-1"][0].tags == {"name": "name", "type": "type"}
    assert "fish" not in made.text
    said = {each.reason for each in made.leftovers}
    assert "InfluxDbWriterFactory: booleanAsNumber has no counterpart" in said
    assert "typeNames: kafka.server:type=A,name=* has no key property nobody" in said


@pytest.mark.parametrize(
    ("alias", "names"),
    [("", ["k:9", "k:9-2", "k:9-3"]), ("kafka", ["kafka", "kafka-k:9", "kafka-k:9-2"])],
)
def test_jmxtrans_servers_of_one_address_are_all_carried(alias: str, names: list[str]) -> None:
    """One JVM may stand there once for each of its queries."""
    servers = [
        {"host": "k", "port": 9, "alias": alias, "queries": [{"obj": f"x:type={kind}"}]}
        for kind in ("A", "B", "C")
    ]
    made = migrate("jmxtrans", json.dumps({"servers": servers}), source="x")

    assert [each.name for each in settings(made.text).targets] == names
    assert made.leftovers == ()


@pytest.mark.parametrize("factor", ["x", ".nan", ".inf", "1e999"])
def test_exporter_factor_that_is_no_number_is_listed(factor: str) -> None:
    """The rule is given up with a sentence, the others stay."""
    text = f"""
rules:
- {{pattern: "java.lang<type=Runtime><>Uptime", name: up}}
- {{pattern: "java.lang<type=Threading><>ThreadCount", name: threads, valueFactor: {factor}}}
"""
    made = migrate("jmx-exporter", text, source="x")

    (rule,) = settings(made.text).mbeans["jmx-exporter"]
    assert rule.fields[0].name == "up"
    assert [each.line for each in made.leftovers] == [1, 4]


def test_exporter_names_that_change_are_listed() -> None:
    """A key that is a part of a name there is whole here; lower-case words are parted."""
    text = """
lowercaseOutputName: true
rules:
- {pattern: "kafka.log<type=Log, name=(.+)Offset><>Value", name: log_$1}
- {pattern: "java.lang<type=Memory><HeapMemoryUsage>(.+)", name: Heap_$1}
"""
    made = migrate("jmx-exporter", text, source="x")

    log, heap = settings(made.text).mbeans["jmx-exporter"]
    assert log.fields[0].name == "log_{name}"
    assert [each.name for each in heap.fields] == [
        "heap_init",
        "heap_used",
        "heap_committed",
        "heap_max",
    ]
    assert [str(each) for each in made.leftovers[1:]] == [
        "4: pattern kafka.log<type=Log, name=(.+)Offset><>Value: its names change: they"
        " contain whole key properties, and their words are separated, log_end_offset for"
        " logendoffset"
    ]


def jmxtrans(*queries: Mapping[str, object]) -> str:
    """Write a file of jmxtrans with one server."""
    return json.dumps({"servers": [{"host": "k1", "port": 9999, "queries": queries}]})
