"""What `check` says of a file that works."""

from collections.abc import Callable

import pytest

from jmxbridge.config.models import Settings

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
