"""Files: the ones that cannot be read, the one of the design, and where the store goes."""

import errno
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.config.loader import MAX_FILE_BYTES, MAX_SECRET_BYTES, load, store_path
from jmxbridge.config.model.models import Settings, StoreSettings
from jmxbridge.config.text.problem import ConfigError, Problem
from jmxbridge.config.values.address import Address
from jmxbridge.mbeans.rule import FieldType

EXAMPLE = """\
cluster: local
interval: 10s

influxdb:
  url: http://127.0.0.1:8086
  org: ops
  bucket: kafka
  token: ${INFLUX_TOKEN}

kafka:
  bootstrap: [127.0.0.1:9092]
  groups: {deny: ['console-consumer-\\d+']}

targets:
  - {name: broker-1, jmx: 127.0.0.1:9999, collect: [broker]}
  - {name: orders,   jmx: app-7:9998,     collect: [consumer], tags: {app: orders}}

mbeans:
  consumer:
    - bean: kafka.consumer:type=consumer-fetch-manager-metrics,client-id=*
      measurement: kafka_consumer
      tags: {client_id: client-id}
      fields:
        records-lag-max: records_lag_max
        records-consumed-total: {name: records_consumed_total, type: int}
    - bean: kafka.consumer:type=consumer-fetch-manager-metrics,client-id=*,topic=*,partition=*
      measurement: kafka_consumer_partition
      every: 30s
      tags: {client_id: client-id, topic: topic, partition: partition}
      fields: {records-lag: records_lag, records-lead-min: records_lead_min}
  broker:
    - bean: kafka.server:type=BrokerTopicMetrics,name=MessagesInPerSec
      measurement: kafka_broker
      fields: {Count: {name: messages_in_total, type: int}, OneMinuteRate: messages_in_rate}
    - bean: [kafka.server:type=raft-metrics]
      measurement: kafka_raft
      optional: true
      fields:
        current-state: {name: state, states: {leader: 1, follower: 2, candidate: 3}, else: 0}
"""


def refusal(path: Path) -> str:
    """Return what loading says."""
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    return str(caught.value)


def problems_of(path: Path) -> tuple[Problem, ...]:
    """Return what is wrong with a file, nothing perhaps."""
    try:
        load(path, {"X": "1"})
    except ConfigError as error:
        return error.problems
    return ()


def test_reads_the_example(tmp_path: Path) -> None:
    """The example of the design loads, and means what it says."""
    path = tmp_path / "mbeans.yaml"
    path.write_text(EXAMPLE)

    settings = load(path, {"INFLUX_TOKEN": "swordfish"})

    assert settings.influxdb is not None
    assert settings.influxdb.token is not None
    assert settings.influxdb.token.get_secret_value() == "swordfish"
    assert settings.kafka is not None
    assert settings.kafka.bootstrap == (Address("127.0.0.1", 9092),)
    broker, orders = settings.targets
    assert orders.tags == {"app": "orders"}
    messages, raft = settings.rules_for(broker)
    assert [field.type for field in messages.fields] == [FieldType.INT, FieldType.FLOAT]
    assert raft.optional
    assert raft.fields[0].otherwise == 0.0
    assert raft.where == f"{path}:35:7"
    assert [rule.every_s for rule in settings.rules_for(orders)] == [None, 30.0]


def test_no_such_file(tmp_path: Path) -> None:
    """A path that leads nowhere is named."""
    assert refusal(tmp_path / "x.yaml") == f"{tmp_path}/x.yaml: error: no such file"


def test_a_directory(tmp_path: Path) -> None:
    """A directory is not read as a file."""
    assert refusal(tmp_path) == f"{tmp_path}: error: is a directory, not a file"


@pytest.mark.parametrize(
    ("number", "said"),
    [(errno.EACCES, "not readable: permission denied"), (errno.EIO, "Input/output error")],
)
def test_a_file_that_cannot_be_read(
    number: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the system says against reading is passed on."""

    def fail(path: Path, mode: str) -> None:
        raise OSError(number, "as the system puts it")

    monkeypatch.setattr(Path, "open", fail)

    assert refusal(Path("x.yaml")) == f"x.yaml: error: {said}"


def test_a_file_too_large(tmp_path: Path) -> None:
    """A file beyond the limit is not parsed at all."""
    path = tmp_path / "x.yaml"
    path.write_bytes(b"#" * (MAX_FILE_BYTES + 1))

    assert refusal(path) == f"{path}: error: larger than 1024 KiB"


def test_a_byte_order_mark_is_no_character(tmp_path: Path) -> None:
    """Columns count from behind the mark that some editors write."""
    path = tmp_path / "x.yaml"
    path.write_bytes("cluter: x\n".encode("utf-8-sig"))

    assert refusal(path).startswith(f"{path}:1:1: error: cluter: unknown key")


@given(raw=st.binary(max_size=300))
def test_any_bytes_are_settings_or_problems(
    raw: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever is in a file, the answer is settings or a list of problems."""
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(raw)

    assert problems_of(path)


WORDS = "kafka targets mbeans bean fields name tags influxdb token groups deny cluster interval x"
SIGNS = [
    "{",
    "}",
    "[",
    "]",
    ",",
    '"',
    "'",
    "|",
    ">",
    "&a",
    "*a",
    "!t",
    "${X}",
    "${",
    "$${",
    "#",
    "(",
    "\t",
    "a.b:type=*",
    "10s",
    "é",
]
FRAGMENTS = st.sampled_from([*WORDS.split(), *SIGNS, ": ", ":\n", "\n", "  ", "    ", "- ", "? "])


@given(text=st.lists(FRAGMENTS, max_size=60).map("".join))
def test_any_yaml_is_settings_or_problems(
    text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Pieces of files in any order give settings or problems inside the file."""
    path = tmp_path_factory.getbasetemp() / "pieces.yaml"
    path.write_text(text)

    places = {problem.line for problem in problems_of(path)}

    assert not [line for line in places if not 1 <= line <= text.count("\n") + 1]


def secret_settings(folder: Path, secret: bytes | None) -> Settings:
    """Load a file whose token is in a file beside it."""
    text = EXAMPLE.replace("token: ${INFLUX_TOKEN}", "token_file: token.txt")
    (folder / "mbeans.yaml").write_text(text)
    if secret is not None:
        (folder / "token.txt").write_bytes(secret)
    return load(folder / "mbeans.yaml", {})


@pytest.mark.parametrize("secret", [b"swordfish", b"swordfish\n", b"swordfish\r\n"])
def test_reads_a_secret_from_a_file(secret: bytes, tmp_path: Path) -> None:
    """The path is relative to the file that names it; the newline at its end is not the secret."""
    settings = secret_settings(tmp_path, secret)

    assert settings.influxdb is not None
    assert settings.influxdb.token is not None
    assert settings.influxdb.token.get_secret_value() == "swordfish"
    assert "swordfish" not in repr(settings)


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        (None, "no such file"),
        (b"\n", "is empty"),
        (b"sword\nfish\n", "contains a control character"),
        (b"\xff", "not UTF-8"),
        (b"x" * (MAX_SECRET_BYTES + 1), "larger than 16 KiB"),
    ],
)
def test_a_secret_that_cannot_be_one(secret: bytes | None, said: str, tmp_path: Path) -> None:
    """What is wrong with a secret's file is said at the key that names it, without the secret."""
    with pytest.raises(ConfigError) as caught:
        secret_settings(tmp_path, secret)

    (problem,) = caught.value.problems
    assert (problem.line, problem.where) == (8, "influxdb.token_file")
    assert problem.message.startswith(f"{tmp_path}/token.txt: {said}")
    assert "fish" not in str(caught.value)


@pytest.mark.parametrize(
    ("environ", "path"),
    [
        ({"STATE_DIRECTORY": "/var/lib/x:/y", "HOME": "/h"}, "/var/lib/x/kafka_1.sqlite3"),
        ({"XDG_STATE_HOME": "/s", "HOME": "/h"}, "/s/jmxbridge/kafka_1.sqlite3"),
        ({"HOME": "/h"}, "/h/.local/state/jmxbridge/kafka_1.sqlite3"),
        ({}, "/var/lib/jmxbridge/kafka_1.sqlite3"),
    ],
)
def test_where_the_store_is(environ: dict[str, str], path: str) -> None:
    """Below systemd's directory, the user's, or the system's; one file a cluster."""
    assert store_path(Settings(path=Path("x"), cluster="kafka/1"), environ) == Path(path)


def test_where_the_store_is_told_to_be() -> None:
    """A configured path wins."""
    settings = Settings(path=Path("x"), store=StoreSettings(path=Path("/data/s.sqlite3")))

    assert store_path(settings, {"STATE_DIRECTORY": "/var/lib/x"}) == Path("/data/s.sqlite3")
