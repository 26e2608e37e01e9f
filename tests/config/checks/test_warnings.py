"""Warnings of `check` about a file that works."""

from collections.abc import Callable
from pathlib import Path

import pytest

from jmxbridge.config.checks.warnings import warn_of_globs
from jmxbridge.config.loader import load, with_last_polls
from jmxbridge.config.model.model_reader import ModelReader
from jmxbridge.config.model.models import Settings
from jmxbridge.config.text.source import Source
from jmxbridge.config.text.tree import Mapping
from jmxbridge.config.text.yaml_parser import compose
from jmxbridge.config.values.sasl_keys import EXPOSED, KEYS, MECHANISMS

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
        str(warning).splitlines()[0].removeprefix(f"{settings.path}:")
        for warning in settings.warnings
    ]


def warned_keys(settings: Settings) -> list[str]:
    """Return the path of keys of each warning."""
    return [warning.where for warning in settings.warnings]


def test_set_that_no_target_collects(settings: MakeSettings) -> None:
    """It is never polled, which may be a mistake; the file works."""
    assert warnings(settings(RULES)) == [
        "2:3: warning: mbeans.jvm: no target collects this set: nothing polls it"
    ]
    assert warnings(settings(RULES + TARGET)) == []


@pytest.mark.parametrize(
    ("login", "expected"),
    [
        ("token: abcdef", ["influxdb.token"]),
        ("token: '${TOKEN}'", []),
        ("username: me, password: hunter2", ["influxdb.password"]),
        ("username: me, password: '${TOKEN}'", []),
    ],
)
def test_secret_in_the_file(login: str, expected: list[str], settings: MakeSettings) -> None:
    """A variable keeps it out of the file; the warning does not show it."""
    text = f"influxdb: {{url: 'http://i:8086', bucket: b, {login}}}\n"
    loaded = settings(text, environ={"TOKEN": "x"})

    assert warned_keys(loaded) == expected
    shown = "".join(map(str, loaded.warnings))
    assert not [secret for secret in ("hunter2", "abcdef") if secret in shown]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (
            "targets: [{name: a, jmx: 'a:1', collect: [jvm], username: me, password: hunter2}]\n",
            "targets[0].password",
        ),
        (
            "targets: [{name: a, jmx: 'a:1', collect: [jvm],"
            " tls: {cert_file: me.p12, key_password: hunter2}}]\n",
            "targets[0].tls.key_password",
        ),
    ],
)
def test_secret_of_a_target_in_the_file(text: str, place: str, settings: MakeSettings) -> None:
    """A password, and the password of a key, are warned of at their own keys."""
    loaded = settings(RULES + text)

    assert warned_keys(loaded) == [place]
    assert "hunter2" not in str(loaded.warnings[0])


def test_secrets_of_kafka_in_the_file(settings: MakeSettings) -> None:
    """The password of a login, and that of a key."""
    loaded = settings(
        "kafka:\n  bootstrap: 'k:9093'\n"
        "  tls: {cert_file: me.p12, key_password: hunter2}\n"
        "  sasl: {mechanism: PLAIN, username: ann, password: hunter2}\n",
        kafka=False,
    )

    assert warned_keys(loaded) == ["kafka.tls.key_password", "kafka.sasl.password"]
    assert "hunter2" not in "".join(map(str, loaded.warnings))


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize(
    ("bootstrap", "remote"),
    [("localhost:1,127.0.0.1:2,[::1]:3", False), ("127.0.0.1:1,kafka-2:9092", True)],
)
def test_login_without_tls(
    mechanism: str, bootstrap: str, remote: bool, settings: MakeSettings
) -> None:
    """The warning tells what can be read and on the way to which host; not on this machine.

    A ticket of Kerberos is of no use to an eavesdropper.
    """
    samples = {"region": "eu-central-1"}
    needs = {group[0]: samples.get(group[0], "${SECRET}") for group in KEYS[mechanism].needs}
    keys = "".join(f", {key}: '{value}'" for key, value in needs.items())
    loaded = settings(
        f"kafka: {{bootstrap: '{bootstrap}', sasl: {{mechanism: {mechanism}{keys}}}}}\n",
        {"SECRET": "https://id/t"},
        kafka=False,
    )

    exposed = f"{EXPOSED.get(mechanism)} on the way to kafka-2:9092: kafka.tls hides it"
    expected = [exposed] if remote and mechanism in EXPOSED else []
    assert [warning.message for warning in loaded.warnings] == expected


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
def test_glob_where_a_regular_expression_stands(
    text: str, column: int | None, settings: MakeSettings
) -> None:
    """It would silently match no name that exists."""
    loaded = settings(f"kafka: {{bootstrap: 'k:1', groups: {{deny: {text}}}}}\n", kafka=False)

    assert [warning.column for warning in loaded.warnings] == ([] if column is None else [column])
    assert all("any text is .*" in warning.message for warning in loaded.warnings)


@pytest.mark.parametrize(
    ("deny", "places"), [("[[a-*], b-*]", ["kafka.groups.deny[1]"]), ("{a: b-*}", [])]
)
def test_globs_of_another_type_are_left_to_the_model(deny: str, places: list[str]) -> None:
    """A list in a list, and a mapping, are errors already; only texts can be globs."""
    root = compose(f"groups: {{deny: {deny}}}").root
    assert isinstance(root, Mapping)
    reader = ModelReader(Source("f.yaml", ""), {})

    warn_of_globs(reader, root)

    assert [warning.where for warning in reader.warnings] == places


@pytest.mark.parametrize(
    ("text", "took", "message"),
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
def test_interval_shorter_than_the_last_polls(
    text: str, took: dict[str, float], message: str | None, tmp_path: Path
) -> None:
    """The slowest is named, at the interval; a target that is not in the file any more is not."""
    file = tmp_path / "mbeans.yaml"
    file.write_text(f"{text}kafka: {{bootstrap: k:9092}}\n{TARGET}")

    checked = with_last_polls(load(file, {}), {}, took)

    assert warnings(checked) == ([] if message is None else [message])


def test_interval_and_the_polls_of_discovered_brokers(tmp_path: Path) -> None:
    """Names of discovered brokers are not in the file, so any name may be one."""
    file = tmp_path / "mbeans.yaml"
    file.write_text(
        "kafka: {bootstrap: k:9092}\ntargets: [{discover: kafka, jmx_port: 9999, collect: [jvm]}]\n"
    )

    checked = with_last_polls(load(file, {}), {}, {"broker-7": 11.0})

    assert "the last poll of broker-7 took 11.0 s" in warnings(checked)[0]
