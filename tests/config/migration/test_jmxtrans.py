"""jmxtrans' servers and queries as targets and rules."""

import json
from collections.abc import Callable, Mapping

import pytest

from jmxbridge.config.migration import Migrated, migrate
from jmxbridge.config.model.models import Settings

MakeSettings = Callable[..., Settings]

QUERY = {"obj": "java.lang:type=Runtime", "attr": ["Uptime"], "resultAlias": "runtime"}
WRITER = {"@class": "x.InfluxDbWriterFactory", "url": "http://influx:8086/", "database": "jmx"}


def server(*queries: Mapping[str, object], **options: object) -> dict[str, object]:
    """Make one server of a file."""
    return {"host": "k1", "port": 9999, "queries": queries or [QUERY], **options}


def migrated(*servers: Mapping[str, object]) -> Migrated:
    """Migrate a file of jmxtrans with these servers."""
    return migrate("jmxtrans", json.dumps({"servers": servers}), source="x")


def test_tags_and_policy_of_a_writer_are_kept(settings: MakeSettings) -> None:
    """A writer's tags become the target's; servers with one alias get two names."""
    query = {
        "obj": "kafka.server:type=A,name=*",
        "attr": ["Count"],
        "typeNames": ["name", "nothing"],
        "useAllTypeNames": True,
    }
    writer = {
        **WRITER,
        "url": "http://u:swordfish@influx:8086/",
        "retentionPolicy": "week",
        "tags": {"dc": "eu", "cluster": "blue"},
        "booleanAsNumber": True,
    }
    new = migrated(
        *(server(query, host=host, alias="kafka", outputWriters=[writer]) for host in ("k1", "k2"))
    )

    loaded = settings(new.text, kafka=False)
    assert loaded.influxdb is not None
    assert (loaded.influxdb.url, loaded.influxdb.bucket) == ("http://influx:8086", "jmx/week")
    assert [target.name for target in loaded.targets] == ["kafka", "kafka-k2:9999"]
    assert loaded.targets[1].tags == {"dc": "eu", "cluster_key": "blue"}
    assert loaded.mbeans["jmxtrans-1"][0].tags == {"name": "name", "type": "type"}
    assert "fish" not in new.text
    reasons = {leftover.reason for leftover in new.leftovers}
    assert "InfluxDbWriterFactory: booleanAsNumber has no counterpart" in reasons
    assert "typeNames: kafka.server:type=A,name=* has no key property nothing" in reasons


@pytest.mark.parametrize(
    ("alias", "names"),
    [("", ["k:9", "k:9-2", "k:9-3"]), ("kafka", ["kafka", "kafka-k:9", "kafka-k:9-2"])],
)
def test_servers_with_one_address_are_all_kept(
    alias: str, names: list[str], settings: MakeSettings
) -> None:
    """A file may list one JVM once for each of its queries."""
    new = migrated(
        *(server({"obj": f"x:type={kind}"}, host="k", port=9, alias=alias) for kind in "ABC")
    )

    assert [target.name for target in settings(new.text, kafka=False).targets] == names
    assert new.leftovers == ()


def test_second_interval_is_listed(settings: MakeSettings) -> None:
    """The first server's period becomes the interval; the same again is nothing to list."""
    new = migrated(
        server(alias="a", runPeriodSeconds=30),
        server(alias="b", runPeriodSeconds=30),
        server(alias="c", runPeriodSeconds=60),
        server(alias="d", cronExpression="0 * * * * ?"),
    )

    assert settings(new.text, kafka=False).interval_s == 30.0
    assert {leftover.reason for leftover in new.leftovers} == {
        "runPeriodSeconds 60: all servers share one interval",
        "cronExpression has no counterpart: polls have an interval",
    }


def test_second_influxdb_is_listed(settings: MakeSettings) -> None:
    """One InfluxDB is kept, and the tags of a query's writer are listed."""
    other = {**WRITER, "database": "other", "tags": {"team": "a"}}
    new = migrated(server({**QUERY, "outputWriters": [other]}, outputWriters=WRITER))

    influxdb = settings(new.text, kafka=False).influxdb
    assert influxdb is not None
    assert influxdb.bucket == "jmx"
    assert [leftover.reason for leftover in new.leftovers] == [
        "http://influx:8086, other: there is only one InfluxDB",
        "tag team: only targets have tags of their own",
    ]


@pytest.mark.parametrize(
    ("login", "url"), [({"username": "me", "password": "${P}"}, ""), ({}, "me:$%7BP%7D@")]
)
def test_login_of_influxdb_is_kept(
    login: Mapping[str, str], url: str, settings: MakeSettings
) -> None:
    """From the writer's keys, else from its URL; a variable is no secret."""
    writer = {**WRITER, **login, "url": f"http://{url}influx:8086"}
    new = migrated(server(outputWriters=[writer]))

    influxdb = settings(new.text, {"P": "swordfish"}, kafka=False).influxdb
    assert influxdb is not None
    assert influxdb.username == "me"
    assert influxdb.password is not None
    assert influxdb.password.get_secret_value() == "swordfish"


def test_query_without_attributes_reads_all(settings: MakeSettings) -> None:
    """A field is named after each attribute, a composite's items after both, an alias is made."""
    new = migrated(
        server({"obj": "a.b:type=C"}, {"obj": "a:type=D", "attr": ["X"], "keys": ["y"]}),
    )

    everything, composite = settings(new.text, kafka=False).mbeans["jmxtrans-1"]
    assert everything.measurement == "a_b_c"
    assert everything.fields[0].name == "{=attribute}"
    assert [(field.attribute, field.path, field.name) for field in composite.fields] == [
        ("X", ("y",), "X_y")
    ]
