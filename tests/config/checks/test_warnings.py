"""What `check` says of a file that works."""

from collections.abc import Callable
from pathlib import Path

import pytest

from jmxbridge.config.loader import load, with_last_polls
from jmxbridge.config.model.models import Settings

MakeSettings = Callable[..., Settings]

RULES = """\
mbeans:
  jvm:
    - {bean: 'java.lang:type=Runtime', measurement: jvm, fields: {Uptime: uptime_ms}}
"""
TARGET = "targets: [{name: a, jmx: 'a:1', collect: [jvm]}]\n"


def warnings(settings: Settings) -> list[str]:
    """Return the first line of each warning, without the file's name."""
    return [
        str(each).splitlines()[0].removeprefix(f"{settings.path}:") for each in settings.warnings
    ]


def test_a_set_that_nobody_collects(settings: MakeSettings) -> None:
    """It is polled nowhere, which may be a mistake; the file works."""
    assert warnings(settings(RULES)) == [
        "2:3: warning: mbeans.jvm: no target collects this set: nothing polls it"
    ]
    assert warnings(settings(RULES + TARGET)) == []


@pytest.mark.parametrize(
    ("secret", "warned"),
    [
        ("token: abcdef", ["token"]),
        ("token: ${TOKEN}", []),
        ("{username: me, password: hunter2}", ["password"]),
        ("{username: me, password: '${TOKEN}'}", []),
    ],
)
def test_a_secret_in_the_file(secret: str, warned: list[str], settings: MakeSettings) -> None:
    """A variable keeps it out of the file; the warning shows nothing of it."""
    section = f"{{url: 'http://i:8086', bucket: b, {secret.strip('{}')}}}" if "{u" in secret else ""
    text = (
        f"influxdb: {section}\n"
        if section
        else (f"influxdb:\n  url: http://i:8086\n  bucket: b\n  {secret}\n")
    )
    made = settings(text, environ={"TOKEN": "x"})
    assert [each.where for each in made.warnings] == [f"influxdb.{key}" for key in warned]
    assert all("hunter2" not in str(each) and "abcdef" not in str(each) for each in made.warnings)


def test_a_password_of_a_target_in_the_file(settings: MakeSettings) -> None:
    """It is warned of as InfluxDB's is."""
    target = "targets: [{name: a, jmx: 'a:1', collect: [jvm], username: me, password: hunter2}]\n"
    made = settings(RULES + target)
    assert [each.where for each in made.warnings] == ["targets[0].password"]
    assert "hunter2" not in str(made.warnings[0])


def test_a_password_of_a_key_in_the_file(settings: MakeSettings) -> None:
    """It is warned of where it stands, under `tls`."""
    tls = "tls: {cert_file: me.p12, key_password: hunter2}"
    target = f"targets: [{{name: a, jmx: 'a:1', collect: [jvm], {tls}}}]\n"
    made = settings(f"{RULES}{target}kafka: {{bootstrap: 'k:9093', {tls}}}\n", kafka=False)
    assert [each.where for each in made.warnings] == [
        "targets[0].tls.key_password",
        "kafka.tls.key_password",
    ]
    assert "hunter2" not in "".join(map(str, made.warnings))


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("'test-*'", 42),
        ("[a.b, 'test_*']", 48),
        ("'test-.*'", None),
        ("'a\\-*'", None),
        ("'[-_]*'", None),
    ],
)
def test_a_glob_where_a_regular_expression_stands(
    text: str, column: int | None, settings: MakeSettings
) -> None:
    """It would match nothing that there is, without a word."""
    made = settings(f"kafka: {{bootstrap: 'k:1', groups: {{deny: {text}}}}}\n", kafka=False)
    assert [each.column for each in made.warnings] == ([] if column is None else [column])
    assert all("any text is .*" in each.message for each in made.warnings)


@pytest.mark.parametrize(
    ("text", "took", "said"),
    [
        (
            "interval: 5s\n",
            {"a": 5.1},
            "1:11: warning: interval: the last poll of a took 5.1 s, longer than the interval of"
            " 5 s: make it longer, or give rules an `every`",
        ),
        (
            "",
            {"a": 10.5, "lag": 12.25},
            "1:1: warning: interval: the last poll of lag took 12.2 s, longer than the interval of"
            " 10 s, and 1 more took longer than that: make it longer, or give rules an `every`",
        ),
        ("interval: 5s\n", {"a": 4.9, "gone": 60.0}, None),
    ],
)
def test_an_interval_shorter_than_the_last_polls(
    text: str, took: dict[str, float], said: str | None, tmp_path: Path
) -> None:
    """The slowest is named, at the interval; what the file does not poll any more is not."""
    file = tmp_path / "mbeans.yaml"
    file.write_text(f"{text}kafka: {{bootstrap: k:9092}}\n{TARGET}")
    found = with_last_polls(load(file, {}), {}, took)
    assert warnings(found) == ([] if said is None else [said])


def test_where_brokers_are_found_any_name_may_be_one(tmp_path: Path) -> None:
    """Their names are not in the file."""
    file = tmp_path / "mbeans.yaml"
    file.write_text(
        "kafka: {bootstrap: k:9092}\ntargets: [{discover: kafka, jmx_port: 9999, collect: [jvm]}]\n"
    )
    found = with_last_polls(load(file, {}), {}, {"broker-7": 11.0})
    assert "the last poll of broker-7 took 11.0 s" in warnings(found)[0]
