"""`mbeans explain` against a recorded consumer.

`golden/NAME.out` is what a command prints, stdout then stderr. A change of wording changes it, with
WRITE_GOLDEN=1; read it as a user who wants to know why a series is missing.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from tests.cli import calling

GOLDEN = Path(__file__).parent / "golden"
FETCH = "kafka.consumer:type=consumer-fetch-manager-metrics,*"
UseRecording = Callable[..., None]


@pytest.fixture(autouse=True)
def _recorded_consumer(monkeypatch: pytest.MonkeyPatch, recorded_jvm: UseRecording) -> None:
    """Commands run next to the golden mbeans.yaml and connect to the recorded consumer."""
    monkeypatch.chdir(GOLDEN)
    recorded_jvm("consumer-4.1.0")


def call(*args: str) -> Result:
    """Run the command in this process."""
    return calling.call("mbeans", *args)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("explain", ["explain", "orders", FETCH]),
        ("explain_json", ["explain", "orders", FETCH, "--json"]),
        ("explain_unmatched", ["explain", "orders", "java.lang:type=M*", "--unmatched"]),
        ("explain_unmatched_set", ["explain", "127.0.0.1:1", "java.lang:*", "-c", "memory"]),
    ],
)
def test_explain_prints_the_golden_file(name: str, arguments: list[str]) -> None:
    """The whole output for a recorded JVM is compared."""
    result = call(*arguments)

    assert result.exit_code == 0
    text = result.stdout + "".join(f"! {line}\n" for line in result.stderr.splitlines())
    if os.environ.get("WRITE_GOLDEN"):
        (GOLDEN / f"{name}.out").write_text(text)
    assert text == (GOLDEN / f"{name}.out").read_text()


def test_explain_reports_a_second_name_of_a_topic() -> None:
    """Kafka 4.1 names a dotted topic twice: the name with underscores is left out."""
    report = json.loads(call("explain", "orders", FETCH, "--json").stdout)
    left_out = {
        mbean["name"]: mbean["left_out"][0]["why"]
        for mbean in report["mbeans"]
        if mbean["left_out"]
    }
    whys = [why for name, why in left_out.items() if "topic=test_orders," in name]
    assert whys
    assert set(whys) == {"a second name of the same topic"}


def test_explain_prints_the_same_lines_as_json_and_text() -> None:
    """Every line of the JSON document is in the text."""
    text = call("explain", "orders").stdout
    report = json.loads(call("explain", "orders", "--json").stdout)
    lines = [
        line for mbean in report["mbeans"] for taken in mbean["taken"] for line in taken["lines"]
    ]
    assert lines
    assert not [line for line in lines if f"→ {line}\n" not in text]


def test_explain_names_attributes_that_the_jvm_cannot_send(recorded_jvm: UseRecording) -> None:
    """The line has the other attributes, as `run` writes it from its second poll on."""
    recorded_jvm("consumer-4.1.0", unreadable={"records-lag-max"})
    name = FETCH.replace("*", "client-id=*")

    text = call("explain", "127.0.0.1:1", name).stdout
    (mbean,) = json.loads(call("explain", "127.0.0.1:1", name, "--json").stdout)["mbeans"]

    assert "\n  its JVM cannot send records-lag-max\n" in text
    assert mbean["unreadable"] == ["records-lag-max"]
    (line,) = mbean["taken"][0]["lines"]
    assert "records_consumed_total=" in line
    assert "records_lag_max=" not in line


def test_explain_of_no_mbean_is_a_finding() -> None:
    """Status 1, with the pattern that matched nothing."""
    result = call("explain", "orders", "kafka.nowhere:*")
    assert result.exit_code == 1
    assert "no MBean of orders matches kafka.nowhere:*" in result.stderr


def test_explain_names_packs_for_the_other_mbeans() -> None:
    """With their number of MBeans; packs that are collected, and presets, are not offered."""
    result = call("explain", "orders", "java.lang:*", "-c", "kafka-consumer")
    report = json.loads(call("explain", "orders", "-c", "kafka-broker", "--json").stdout)

    assert "18 MBeans, 0 taken, 18 not\nthe pack jvm would take 15 of the others:" in result.stderr
    assert (
        "takes nothing: kafka-broker: none of its 37 rules"
        in call("explain", "orders", "-c", "kafka-broker").stderr
    )
    assert [pack["set"] for pack in report["shipped"]] == ["jvm", "kafka-consumer"]


def test_explain_names_attributes_that_do_not_exist(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A misspelt attribute is never read; attributes of packs may be missing."""
    monkeypatch.chdir(tmp_path)
    rule = (
        "{bean: 'java.lang:type=Memory', measurement: m,"
        " fields: {HeapMemoryUsag.used: heap_bytes, Verbose: v, Nothing: n}}"
    )
    Path("mbeans.yaml").write_text(
        f"targets: [{{name: t, jmx: 'a:1', collect: [own, jvm]}}]\nmbeans: {{own: [{rule}]}}\n"
    )
    text = call("explain", "t", "java.lang:*").stderr
    report = json.loads(call("explain", "t", "java.lang:*", "--json").stdout)

    place = "own (mbeans.yaml:2:16): none of its MBeans has"
    assert f"{place} HeapMemoryUsag (did you mean HeapMemoryUsage?)\n" in text
    assert f"{place} Nothing\n" in text
    assert text.count("none of its MBeans has") == 2
    assert [absent["meant"] for absent in report["absent"]] == ["HeapMemoryUsage", None]
    other = call("explain", "t", "java.lang:type=Runtime").stderr
    assert "none of its MBeans has" not in other  # not looked at


def test_explain_without_a_file_leaves_out_presets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recorded_jvm: UseRecording
) -> None:
    """Packs with another tool's names for the same values are used only on request."""
    monkeypatch.chdir(tmp_path)
    recorded_jvm("broker-4.1.0")
    report = json.loads(call("explain", "127.0.0.1:1", "kafka.server:*", "--json").stdout)
    sets = {rule["set"] for mbean in report["mbeans"] for rule in mbean["taken"]}
    assert sets == {"kafka-broker", "kafka-kraft", "kafka-topics"}


def test_explain_without_a_file_uses_the_packs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--collect` limits them."""
    monkeypatch.chdir(tmp_path)
    everything = json.loads(call("explain", "127.0.0.1:1", FETCH, "--json").stdout)
    taken = {rule["set"] for mbean in everything["mbeans"] for rule in mbean["taken"]}
    assert taken == {"kafka-consumer"}
    jvm = json.loads(call("explain", "127.0.0.1:1", FETCH, "-c", "jvm", "--json").stdout)
    assert [mbean["taken"] for mbean in jvm["mbeans"] if mbean["taken"]] == []


def test_explain_shows_help_and_units_of_a_rule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Below the line that the rule makes; units that names show already are left out."""
    monkeypatch.chdir(tmp_path)
    rule = (
        f"{{bean: '{FETCH}', measurement: m, help: What it reads., unit: records,"
        " fields: {records-lag-max: behind, fetch-latency-max: latency_ms}}"
    )
    Path("mbeans.yaml").write_text(
        f"targets: [{{name: t, jmx: 'a:1', collect: [own]}}]\nmbeans: {{own: [{rule}]}}\n"
    )
    text = call("explain", "t", FETCH).stdout
    assert "\n    What it reads. (behind in records)\n" in text
