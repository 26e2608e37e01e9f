"""Files: broken ones with their messages, unreadable ones, secrets, packs, and the store's path.

`broken/NAME.yaml` is a file with mistakes, `broken/NAME.txt` the exact text that is printed. To
change a message, run this with WRITE_BROKEN=1 in the environment, and read the difference as the
person who has to fix the file.
"""

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.config.loader import (
    MAX_FILE_BYTES,
    MAX_SECRET_BYTES,
    PRESETS,
    load,
    load_origins,
    offered,
    pack_rules,
    packs,
    schema_line,
    store_path,
    with_last_polls,
)
from jmxbridge.config.model.models import Settings, StoreSettings
from jmxbridge.config.text.problem import ConfigError, Problem
from jmxbridge.config.values.address import Address
from jmxbridge.mbeans.rule import FieldType

BROKEN = Path(__file__).parent / "broken"
NAMES = sorted(path.stem for path in BROKEN.glob("*.yaml"))

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
    """Return the text of the error that loading a file raises, with an empty environment."""
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    return str(caught.value)


def problems_of(path: Path) -> tuple[Problem, ...]:
    """Return the problems of a file, none if it loads."""
    try:
        load(path, {"X": "1"})
    except ConfigError as error:
        return error.problems
    return ()


@pytest.mark.parametrize("name", NAMES)
def test_broken_file_has_this_text(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken file is refused with all its problems, each at its line and column."""
    monkeypatch.chdir(BROKEN)

    text = f"{refusal(Path(f'{name}.yaml'))}\n"
    if os.environ.get("WRITE_BROKEN"):
        (BROKEN / f"{name}.txt").write_text(text)
    assert text == (BROKEN / f"{name}.txt").read_text()


@pytest.mark.parametrize("name", NAMES)
def test_broken_file_shows_no_secret(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No message and no excerpt has a password or a token of the file."""
    monkeypatch.chdir(BROKEN)

    text = refusal(Path(f"{name}.yaml"))

    assert not [word for word in ("swordfish", "sw0rdfish", "fish", "hunter2") if word in text]


def test_broken_files_are_in_pairs() -> None:
    """There is a text for every broken file, and no text without its file."""
    assert sorted(path.stem for path in BROKEN.glob("*.txt")) == NAMES
    assert len(NAMES) >= 100


def test_load_reads_the_example_of_the_design(tmp_path: Path) -> None:
    """Every section has its meaning."""
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


def test_load_names_a_file_that_does_not_exist(tmp_path: Path) -> None:
    """The path is in the message."""
    assert refusal(tmp_path / "x.yaml") == f"{tmp_path}/x.yaml: error: no such file"


def test_load_refuses_a_directory(tmp_path: Path) -> None:
    """A directory is named as such."""
    assert refusal(tmp_path) == f"{tmp_path}: error: is a directory, not a file"


@pytest.mark.parametrize(
    ("number", "reason"),
    [(errno.EACCES, "not readable: permission denied"), (errno.EIO, "Input/output error")],
)
def test_load_passes_the_system_error_on(
    number: int, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rare error has the system's own text."""

    def fail(path: Path, mode: str) -> None:
        raise OSError(number, "as the system puts it")

    monkeypatch.setattr(Path, "open", fail)

    assert refusal(Path("x.yaml")) == f"x.yaml: error: {reason}"


def test_load_refuses_a_file_that_is_too_large(tmp_path: Path) -> None:
    """A file above the limit is not parsed at all."""
    path = tmp_path / "x.yaml"
    path.write_bytes(b"#" * (MAX_FILE_BYTES + 1))

    assert refusal(path) == f"{path}: error: larger than 1024 KiB"


def test_load_skips_a_byte_order_mark(tmp_path: Path) -> None:
    """Columns count after the mark that some editors write."""
    path = tmp_path / "x.yaml"
    path.write_bytes("cluter: x\n".encode("utf-8-sig"))

    assert refusal(path).startswith(f"{path}:1:1: error: cluter: unknown key")


@given(raw=st.binary(max_size=300))
def test_any_bytes_are_settings_or_problems(
    raw: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """For any bytes in a file, the result is settings or a list of problems."""
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
    """Pieces of files in any order give settings, or problems at lines of the file."""
    path = tmp_path_factory.getbasetemp() / "pieces.yaml"
    path.write_text(text)

    lines = {problem.line for problem in problems_of(path)}

    assert not [line for line in lines if not 1 <= line <= text.count("\n") + 1]


def secret_settings(folder: Path, secret: bytes | None) -> Settings:
    """Load a file whose token is in a file next to it."""
    text = EXAMPLE.replace("token: ${INFLUX_TOKEN}", "token_file: token.txt")
    (folder / "mbeans.yaml").write_text(text)
    if secret is not None:
        (folder / "token.txt").write_bytes(secret)
    return load(folder / "mbeans.yaml", {})


@pytest.mark.parametrize("secret", [b"swordfish", b"swordfish\n", b"swordfish\r\n"])
def test_load_reads_a_secret_from_a_file(secret: bytes, tmp_path: Path) -> None:
    """The line break at the end is not part of the secret."""
    settings = secret_settings(tmp_path, secret)

    assert settings.influxdb is not None
    assert settings.influxdb.token is not None
    assert settings.influxdb.token.get_secret_value() == "swordfish"
    assert "swordfish" not in repr(settings)


@pytest.mark.parametrize(
    ("secret", "reason"),
    [
        (None, "no such file"),
        (b"\n", "is empty"),
        (b"sword\nfish\n", "contains a control character"),
        (b"\xff", "not UTF-8"),
        (b"x" * (MAX_SECRET_BYTES + 1), "larger than 16 KiB"),
    ],
)
def test_load_reports_a_secret_at_its_key(
    secret: bytes | None, reason: str, tmp_path: Path
) -> None:
    """The problem is at the key that names the file, and does not show the secret."""
    with pytest.raises(ConfigError) as caught:
        secret_settings(tmp_path, secret)

    (problem,) = caught.value.problems
    assert (problem.line, problem.where) == (8, "influxdb.token_file")
    assert problem.message.startswith(f"{tmp_path}/token.txt: {reason}")
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
def test_store_path_without_a_configured_one(environ: dict[str, str], path: str) -> None:
    """systemd's state directory, the user's, or the system's; one file per cluster."""
    assert store_path(Settings(path=Path("x"), cluster="kafka/1"), environ) == Path(path)


def test_store_path_as_configured() -> None:
    """A path in the file is used in any environment."""
    settings = Settings(path=Path("x"), store=StoreSettings(path=Path("/data/s.sqlite3")))

    assert store_path(settings, {"STATE_DIRECTORY": "/var/lib/x"}) == Path("/data/s.sqlite3")


def test_store_path_of_a_long_cluster_name_fits_a_file_system() -> None:
    """A name of 255 bytes is the limit; SQLite adds to it, and a character is not cut."""
    name = store_path(Settings(path=Path("x"), cluster="é" * 500), {"HOME": "/h"}).name

    assert name == "é" * 100 + ".sqlite3"


def test_packs_that_are_offered_exclude_presets() -> None:
    """A pack that repeats others is collected in place of them, never with them."""
    names = packs().keys() - PRESETS

    assert offered().keys() == names
    assert offered(["jvm"]).keys() == names - {"jvm"}
    assert offered()["jvm"] == pack_rules("jvm")


def test_pack_rules_know_their_pack() -> None:
    """Each rule ships with the package, and has its place in the pack."""
    rules = pack_rules("jvm")

    assert {rule.set_name for rule in rules} == {"jvm"}
    assert all(rule.ships and rule.where.startswith("packs/jvm.yaml:") for rule in rules)


def test_load_origins_reads_included_files(tmp_path: Path) -> None:
    """Each value of both files has its place."""
    (tmp_path / "a.yaml").write_text("include: b.yaml\nkafka: {bootstrap: 'k:1'}\n")
    (tmp_path / "b.yaml").write_text("\ntargets: [{name: t}]\n")

    origins = load_origins(tmp_path / "a.yaml", {})

    assert origins["kafka", "bootstrap"] == f"{tmp_path}/a.yaml:2"
    assert origins["targets", 0, "name"] == f"{tmp_path}/b.yaml:2"


def test_with_last_polls_keeps_other_warnings(tmp_path: Path) -> None:
    """All warnings are in the order of the file; a name of no target is ignored."""
    file = tmp_path / "mbeans.yaml"
    rule = "{bean: 'java.lang:type=Runtime', measurement: m, fields: {Uptime: up}}"
    file.write_text(f"mbeans: {{idle: [{rule}]}}\ninterval: 5s\nkafka: {{bootstrap: 'k:1'}}\n")
    settings = load(file, {})

    slow = with_last_polls(settings, {}, {"lag": 6.0, "gone": 9.0})

    assert [warning.where for warning in settings.warnings] == ["mbeans.idle"]
    assert [warning.where for warning in slow.warnings] == ["mbeans.idle", "interval"]
    assert "of lag took 6.0 s" in slow.warnings[1].message


def test_schema_line_is_a_comment() -> None:
    """Editors read it, YAML does not; the URL has no blank."""
    line = schema_line()

    assert line.startswith("# yaml-language-server: $schema=file:///")
    assert line.endswith("/mbeans.schema.json\n")
    assert " " not in line.partition("$schema=")[2]
