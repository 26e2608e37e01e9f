"""Who we are for Kafka: the keys of each mechanism, where its files are, what is warned of."""

from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

from jmxbridge.config.model.models import Settings
from jmxbridge.config.text.problem import ConfigError
from jmxbridge.config.values.sasl_keys import EXPOSED, KEYS, MECHANISMS

MakeSettings = Callable[..., Settings]

SAMPLES = {
    "username": "ann",
    "password": "${SECRET}",
    "password_file": "secret",
    "token_url": "https://id.example.org/token",
    "client_id": "bridge",
    "client_secret": "${SECRET}",
    "client_secret_file": "secret",
    "scope": "kafka",
    "token_ca_file": "ca.pem",
    "region": "eu-central-1",
    "service": "kafka",
    "principal": "bridge@EXAMPLE.ORG",
    "keytab_file": "bridge.keytab",
}


def login(
    settings: MakeSettings, *lines: str, bootstrap: str = "k:9092", tls: str = "{}"
) -> Settings:
    """Make settings of a kafka section with these lines under `sasl`."""
    kafka = f"kafka:\n  bootstrap: '{bootstrap}'\n" + (f"  tls: {tls}\n" if tls else "")
    text = kafka + "  sasl:\n" + "".join(f"    {line}\n" for line in lines)
    return settings(text, {"SECRET": "swordfish"}, lambda path: f"secret of {path}", kafka=False)


def complete(mechanism: str) -> list[str]:
    """Return the lines of a mechanism with the first key of each group it needs."""
    keys = [group[0] for group in KEYS[mechanism].needs]
    return [f"mechanism: {mechanism}", *(f"{key}: {SAMPLES[key]}" for key in keys)]


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_mechanism_with_what_it_needs(mechanism: str, settings: MakeSettings) -> None:
    """Nothing more is asked for, and nothing is warned of where there is TLS."""
    made = login(settings, *complete(mechanism))

    assert made.kafka is not None
    assert made.kafka.sasl is not None
    assert made.kafka.sasl.mechanism == mechanism
    assert made.warnings == ()


@pytest.mark.parametrize(
    ("mechanism", "missing"),
    [(name, group[0]) for name, keys in KEYS.items() for group in keys.needs],
)
def test_a_mechanism_without_something_it_needs(
    mechanism: str, missing: str, settings: MakeSettings
) -> None:
    """The error stands at the mechanism and names the key."""
    lines = [line for line in complete(mechanism) if not line.startswith(f"{missing}:")]

    with pytest.raises(ConfigError, match=f"kafka.sasl.mechanism: {mechanism} needs {missing}"):
        login(settings, *lines)


@pytest.mark.parametrize(
    ("mechanism", "key"),
    [pair for pair in product(MECHANISMS, SAMPLES) if pair[1] not in KEYS[pair[0]].known],
)
def test_a_key_of_another_mechanism(mechanism: str, key: str, settings: MakeSettings) -> None:
    """It would be ignored, so it is refused: at the key, with the mechanisms that have it."""
    with pytest.raises(ConfigError) as caught:
        login(settings, *complete(mechanism), f"{key}: {SAMPLES[key]}")

    (problem,) = caught.value.problems
    assert problem.where == f"kafka.sasl.{key}"
    assert problem.message.startswith(f"{mechanism} has no such key: it is for ")


def test_files_are_beside_the_file(settings: MakeSettings) -> None:
    """Secrets are read from there, certificates will be."""
    oauth = [line for line in complete("OAUTHBEARER") if "client_secret" not in line]
    made = login(
        settings,
        *(*oauth, "client_secret_file: s/it", "token_ca_file: id.pem"),
        tls="{ca_file: ca.pem, cert_file: /me.pem}",
    )

    assert made.kafka is not None
    sasl, tls = made.kafka.sasl, made.kafka.tls
    assert sasl is not None
    assert tls is not None
    assert sasl.client_secret is not None
    assert sasl.client_secret.get_secret_value() == "secret of /etc/jmxbridge/s/it"
    assert sasl.token_ca_file == Path("/etc/jmxbridge/id.pem")
    assert (tls.ca_file, tls.cert_file) == (Path("/etc/jmxbridge/ca.pem"), Path("/me.pem"))


def test_a_bare_name_is_systemds_credential(settings: MakeSettings) -> None:
    """As every other secret's is."""
    text = (
        "kafka:\n  bootstrap: 'k:1'\n  tls: {}\n"
        "  sasl: {mechanism: PLAIN, username: a, password_file: pw}\n"
    )
    made = settings(
        text, {"CREDENTIALS_DIRECTORY": "/run/c"}, lambda path: f"secret of {path}", kafka=False
    )

    assert made.kafka is not None
    assert made.kafka.sasl is not None
    assert made.kafka.sasl.password is not None
    assert made.kafka.sasl.password.get_secret_value() == "secret of /run/c/pw"


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize(
    ("bootstrap", "warned"),
    [("localhost:1,127.0.0.1:2,[::1]:3", False), ("127.0.0.1:1,kafka-2:9092", True)],
)
def test_a_login_without_tls(
    mechanism: str, bootstrap: str, warned: bool, settings: MakeSettings
) -> None:
    """On this machine nobody listens in; elsewhere what may be seen is said, and of which host.

    Of a ticket of Kerberos nothing is to be had.
    """
    made = login(settings, *complete(mechanism), bootstrap=bootstrap, tls="")

    seen = f"{EXPOSED.get(mechanism)} on the way to kafka-2:9092: kafka.tls hides it"
    said = [seen] if warned and mechanism in EXPOSED else []
    assert [each.message for each in made.warnings] == said


def test_a_password_in_the_file_is_warned_of(settings: MakeSettings) -> None:
    """As InfluxDB's is, and without showing it."""
    made = login(settings, "mechanism: PLAIN", "username: ann", "password: hunter2")

    assert [each.where for each in made.warnings] == ["kafka.sasl.password"]
    assert "hunter2" not in str(made.warnings[0])


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/t", "http://[::1]/t", "HTTPS://id/t"])
def test_a_token_server_by_tls_or_on_this_machine(url: str, settings: MakeSettings) -> None:
    """The secret is sent to it."""
    lines = [line for line in complete("OAUTHBEARER") if "token_url" not in line]
    made = login(settings, *lines, f"token_url: {url}")

    assert made.kafka is not None
    assert made.kafka.sasl is not None
    assert made.kafka.sasl.token_url == url
