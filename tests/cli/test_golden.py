"""Output of the commands as text and as JSON, against `golden/NAME.out` and `golden/NAME.json`.

People and scripts read this output: a change of it is a change of these files, written with
WRITE_GOLDEN=1 in the environment and read before it is committed. Lines of stderr begin with `! `.
Times, durations, paths of the test and sizes of files and packed lines are masked. `mbeans
explain`, `mbeans suggest`, `doctor`, `init` and `spool drain` are tested with their modules.
"""

import asyncio
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from jmxbridge.cli import app, lag
from jmxbridge.config.model.models import KafkaSettings
from jmxbridge.config.values.address import Address
from jmxbridge.store import DeadLine, Store
from tests.kafka.fake_answers import Group
from tests.kafka.fake_cluster import FakeCluster

GOLDEN = Path(__file__).parent / "golden"
TIME_NS = 1_700_000_000 * 10**9
TARGET = "orders"
FETCH = "kafka.consumer:type=consumer-fetch-manager-metrics,client-id=*"
ATTRIBUTES = ["records-lag-max", "records-consumed-total"]

# Of the recorded JVM: name of the golden file, arguments, exit status.
OF_A_JVM: list[tuple[str, list[str], int]] = [
    ("check", ["check"], 0),
    ("check_connect", ["check", "--connect"], 1),
    ("mbeans_ls", ["mbeans", "ls", TARGET, "kafka.consumer:*"], 0),
    ("mbeans_get", ["mbeans", "get", TARGET, FETCH, *ATTRIBUTES], 0),
]
PLAIN_ALONE: list[tuple[str, list[str], int]] = [
    ("mbeans_tree", ["mbeans", "ls", TARGET, "kafka.*:*", "--tree", "3"], 0),
    ("config_show", ["config", "show"], 0),
    ("once", ["once", "--dry-run"], 0),
]
# Of a store with a line that waits, one that arrived, and two that were refused.
OF_A_STORE = [
    ("spool_status", ["spool", "status"], 0),
    ("spool_verify", ["spool", "verify"], 0),
    ("dlq_ls", ["dlq", "ls"], 0),
    ("dlq_show", ["dlq", "show", "1"], 0),
    ("dlq_replay", ["dlq", "replay", "1"], 0),
    ("dlq_purge", ["dlq", "purge", "--all"], 0),
]
MASKS = [
    (r"\b\d+ s ago", "0 s ago"),
    (r'("(?:\w*seconds|last_seen_ns|refused_ns|file_bytes|pending_bytes)": )[\d.]+', r"\g<1>0"),
    (r"\d+\.\d\d s$", "0.00 s"),
    (r"(?<=, )[\d,]+(?= bytes)", "0"),
    (r"20[2-9]\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", "2023-11-14T22:13:20Z"),
    (r"((?:read_ms|age_seconds|round_trip_us|server_us)=)[-\d.]+i?", r"\g<1>0"),
    (r" \d{19}$", " 1700000000000000000"),
]


def compare(name: str, out: str, err: str, folder: Path | None = None) -> None:
    """Compare output with the golden file of that name."""
    text = out + "".join(f"! {line}\n" for line in err.splitlines())
    if folder is not None:
        text = text.replace(str(folder), "/folder")
    for pattern, instead in MASKS:
        text = re.sub(pattern, instead, text, flags=re.MULTILINE)
    if os.environ.get("WRITE_GOLDEN"):
        (GOLDEN / name).write_text(text)
    assert text == (GOLDEN / name).read_text()


def run(name: str, arguments: list[str], status: int, folder: Path | None = None) -> None:
    """Run a command in this process and compare its output."""
    result = CliRunner().invoke(app, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == status, result.output
    compare(name, result.stdout, result.stderr, folder)


@pytest.mark.parametrize("suffix", ["out", "json"])
@pytest.mark.parametrize(("name", "arguments", "status"), OF_A_JVM)
def test_golden_reports_of_a_recorded_jvm(
    name: str,
    arguments: list[str],
    status: int,
    suffix: str,
    monkeypatch: pytest.MonkeyPatch,
    recorded_jvm: Callable[[str], None],
) -> None:
    """The same findings as text and as one JSON document."""
    monkeypatch.chdir(GOLDEN)
    recorded_jvm("consumer-4.1.0")
    options = ["--json"] if suffix == "json" else []
    run(f"{name}.{suffix}", [*arguments, *options], status)


@pytest.mark.parametrize(("name", "arguments", "status"), PLAIN_ALONE)
def test_golden_output_with_a_single_format(
    name: str,
    arguments: list[str],
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    recorded_jvm: Callable[[str], None],
) -> None:
    """A file is YAML, points are line protocol, a tree is for people."""
    monkeypatch.chdir(GOLDEN)
    recorded_jvm("consumer-4.1.0")
    run(f"{name}.out", arguments, status)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A file whose InfluxDB does not exist, and its store."""

    async def fill() -> None:
        lines = [b"m,n=%d v=%d.0 1700000000000000000" % (n, n) for n in range(4)]
        path = tmp_path / "s.sqlite3"
        async with await Store.open(path, max_bytes=2**30, retain_s=None) as store:
            await store.append(lines, time_ns=TIME_NS, source="broker-1")
            batch = await store.take(max_lines=3, max_bytes=10**6)
            assert batch is not None
            await store.settle(batch, [DeadLine(0, "400: bad"), DeadLine(2, "422: conflict")])

    asyncio.run(fill())
    file = tmp_path / "mbeans.yaml"
    file.write_text(
        "influxdb: {url: 'http://127.0.0.1:9', bucket: kafka}\n"
        "kafka: {bootstrap: '127.0.0.1:9'}\n"
        "store: {path: s.sqlite3}\n"
    )
    return file


@pytest.mark.parametrize("suffix", ["out", "json"])
@pytest.mark.parametrize(("name", "arguments", "status"), OF_A_STORE)
def test_golden_reports_of_a_store(
    name: str, arguments: list[str], status: int, suffix: str, store: Path
) -> None:
    """Reports, and commands that move lines."""
    options = ["--json"] if suffix == "json" else []
    where = ["-f", str(store)]
    run(f"{name}.{suffix}", [*arguments, *where, *options], status, store.parent)


@pytest.mark.parametrize(("name", "version"), [("lag_share", 1), ("lag_share_4.1", 0)])
@pytest.mark.parametrize("suffix", ["out", "json"])
async def test_lag_of_share_groups(
    name: str, version: int, suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One next to a consumer group: with the lag that brokers since 4.2 count, and without."""
    async with FakeCluster() as fake:
        fake.versions[90] = (0, version)
        fake.add_topic("paid", partitions=2, end=10)
        fake.groups["billing"] = Group({"paid": {0: 4}})
        fake.groups["sharers"] = Group({"paid": {0: 9, 1: 1}}, protocol_type="share", type="Share")
        kafka = KafkaSettings(bootstrap=tuple(Address(*each) for each in fake.bootstrap))
        await lag.once(kafka, None, None, every_s=2.0, as_json=suffix == "json")
    out, err = capsys.readouterr()
    compare(f"{name}.{suffix}", out, err)


@pytest.mark.parametrize("suffix", ["out", "json"])
async def test_golden_lag_of_a_cluster(suffix: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A group that is behind, one that is not, and a partition that was never committed."""
    async with FakeCluster() as fake:
        fake.add_topic("paid", partitions=2, end=10)
        fake.groups["billing"] = Group({"paid": {0: 4, 1: 10}})
        fake.groups["audit"] = Group({"paid": {0: 10}}, state="Empty")
        kafka = KafkaSettings(bootstrap=tuple(Address(*address) for address in fake.bootstrap))
        await lag.once(kafka, None, None, every_s=2.0, as_json=suffix == "json")
    out, err = capsys.readouterr()
    compare(f"lag.{suffix}", out, err)


def documents() -> list[dict[str, Any]]:
    """Return every JSON document in the golden files."""
    texts = [path.read_text() for path in GOLDEN.glob("*.json")]
    texts.append((GOLDEN / "explain_json.out").read_text())
    return [json.loads(re.sub(r"(?m)^! .*$", "", text)) for text in texts]


# Objects whose keys are names that a user chose, or a JVM.
OF_DATA = ("attributes", "series", "units")


@pytest.mark.parametrize("document", documents(), ids=lambda document: str(document["kind"]))
def test_every_key_of_a_document_is_documented(document: dict[str, Any]) -> None:
    """docs/json.md has a section for each kind with every key."""
    page = (Path(__file__).parents[2] / "docs" / "json.md").read_text()
    (section,) = re.findall(rf"(?ms)^## `{document['kind']}`$(.*?)(?=^## |\Z)", page)
    assert document["version"] == 1
    keys = dict.fromkeys(keys_of(document))
    missing = [key for key in keys if key not in ("kind", "version") and f"`{key}`" not in section]
    assert missing == []


def keys_of(value: object) -> Iterator[str]:
    """Yield every key of a document, including those in nested objects and lists."""
    if isinstance(value, list):
        for item in value:
            yield from keys_of(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            if key not in OF_DATA:
                yield from keys_of(item)
