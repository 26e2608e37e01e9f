"""Checks of logins and TLS."""

from collections.abc import Callable
from itertools import product

import pytest

from jmxbridge.config.model.models import Settings
from jmxbridge.config.text.problem import ConfigError
from jmxbridge.config.values.sasl_keys import KEYS, MECHANISMS

MakeSettings = Callable[..., Settings]
FindProblems = Callable[..., list[str]]

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
OPTIONS = {
    "environ": {"SECRET": "swordfish"},
    "read_secret": lambda path: f"secret of {path}",
    "kafka": False,
}


def sasl(*lines: str) -> str:
    """Write a kafka section with TLS and these lines under `sasl`."""
    text = "kafka:\n  bootstrap: k:9092\n  tls: {}\n  sasl:\n"
    return text + "".join(f"    {line}\n" for line in lines)


def complete(mechanism: str) -> list[str]:
    """Return the lines of a mechanism with the first key of each group it needs."""
    keys = [group[0] for group in KEYS[mechanism].needs]
    return [f"mechanism: {mechanism}", *(f"{key}: {SAMPLES[key]}" for key in keys)]


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_mechanism_with_its_needs_is_complete(mechanism: str, settings: MakeSettings) -> None:
    """Nothing more is asked for, and there is no warning with TLS."""
    made = settings(sasl(*complete(mechanism)), **OPTIONS)

    assert made.kafka is not None
    assert made.kafka.sasl is not None
    assert made.kafka.sasl.mechanism == mechanism
    assert made.warnings == ()


@pytest.mark.parametrize(
    ("mechanism", "missing"),
    [(name, group[0]) for name, keys in KEYS.items() for group in keys.needs],
)
def test_mechanism_without_a_need_is_refused(
    mechanism: str, missing: str, problems: FindProblems
) -> None:
    """The error is at the mechanism and names the key, or its alternatives."""
    lines = [line for line in complete(mechanism) if not line.startswith(f"{missing}:")]

    (problem,) = problems(sasl(*lines), **OPTIONS)

    assert problem.startswith(f"kafka.sasl.mechanism: {mechanism} needs {missing}")


@pytest.mark.parametrize(
    ("mechanism", "key"),
    [pair for pair in product(MECHANISMS, SAMPLES) if pair[1] not in KEYS[pair[0]].known],
)
def test_key_of_another_mechanism_is_refused(
    mechanism: str, key: str, problems: FindProblems
) -> None:
    """A key that would be ignored is an error; it names the mechanisms that have the key."""
    (problem,) = problems(sasl(*complete(mechanism), f"{key}: {SAMPLES[key]}"), **OPTIONS)

    assert problem.startswith(f"kafka.sasl.{key}: {mechanism} has no such key: it is for ")


def test_password_twice_is_refused_at_the_later(problems: FindProblems) -> None:
    """The key that was written second is the one to remove."""
    lines = ["password_file: secret", *complete("PLAIN")]

    assert problems(sasl(*lines), **OPTIONS) == [
        "kafka.sasl.password: password and password_file exclude each other: keep one"
    ]


@pytest.mark.parametrize(
    "mechanism", ["mechanism: PLAYN", "mechanism: ${NOPE}", "username: ann"], ids=str
)
def test_unknown_mechanism_is_reported_once(mechanism: str, problems: FindProblems) -> None:
    """Which keys it needs is then unknown."""
    assert len(problems(sasl(mechanism), **OPTIONS)) == 1


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/t", "http://[::1]/t", "HTTPS://id/t"])
def test_token_url_with_tls_or_on_this_machine(url: str, settings: MakeSettings) -> None:
    """The client secret is sent to it."""
    lines = [line for line in complete("OAUTHBEARER") if "token_url" not in line]
    made = settings(sasl(*lines, f"token_url: {url}"), **OPTIONS)

    assert made.kafka is not None
    assert made.kafka.sasl is not None
    assert made.kafka.sasl.token_url == url


@pytest.mark.parametrize("url", ["http://id/t", "http://10.0.0.1:80", "${NOPE}"])
def test_token_url_that_shows_the_secret_is_refused(url: str, problems: FindProblems) -> None:
    """Without TLS the client secret could be read on the network."""
    lines = [line for line in complete("OAUTHBEARER") if "token_url" not in line]

    (problem,) = problems(sasl(*lines, f"token_url: {url}"), **OPTIONS)

    assert problem.startswith("kafka.sasl.token_url: ")


@pytest.mark.parametrize(
    ("login", "expected"),
    [
        ("token: t", []),
        ("username: u, password: p", []),
        ("token: t, token_file: f", ["token_file: token and token_file exclude each other"]),
        ("username: u, token: t", ["token: token and username exclude each other"]),
        ("username: u", ["username: needs password or password_file too"]),
        ("password: p", ["password: needs username too"]),
        ("password_file: p", ["password_file: needs username too"]),
    ],
)
def test_influxdb_has_one_login(login: str, expected: list[str], problems: FindProblems) -> None:
    """A token, or a user name with one password."""
    text = f"influxdb: {{url: 'http://i:1', bucket: b, {login}}}\n"

    reported = problems(text, read_secret=lambda path: "secret")

    assert [problem.partition(": keep")[0] for problem in reported] == [
        f"influxdb.{problem}" for problem in expected
    ]


@pytest.mark.parametrize(
    ("tls", "expected"),
    [
        ("{}", []),
        ("{cert_file: a.pem, key_file: b, key_password: c}", []),
        ("{key_file: b}", ["key_file: needs cert_file too"]),
        ("{key_password_file: b}", ["key_password_file: needs cert_file too"]),
        (
            "{cert_file: a.p12, key_file: b}",
            ["key_file: the key is in cert_file, a PKCS#12 store: leave this out"],
        ),
        (
            "{cert_file: a.p12, key_password: b, key_password_file: c}",
            ["key_password_file: key_password and key_password_file exclude each other: keep one"],
        ),
    ],
)
def test_tls_key_has_a_certificate(tls: str, expected: list[str], problems: FindProblems) -> None:
    """A key belongs to a certificate, and has one file and one password."""
    text = f"kafka: {{bootstrap: 'k:1', tls: {tls}}}\n"

    assert problems(text, read_secret=lambda path: "secret", kafka=False) == [
        f"kafka.tls.{problem}" for problem in expected
    ]


def test_tls_that_is_text_is_reported_once(problems: FindProblems) -> None:
    """There are no keys to check in it."""
    (problem,) = problems("kafka: {bootstrap: 'k:1', tls: on}\n", kafka=False)

    assert problem.startswith("kafka.tls: wants a mapping")


def test_problem_is_at_the_key(settings: MakeSettings) -> None:
    """Line and column lead to the key that has to change."""
    with pytest.raises(ConfigError) as caught:
        settings("influxdb:\n  url: http://i:1\n  bucket: b\n  username: u\n")

    (problem,) = caught.value.problems
    assert (problem.line, problem.column) == (4, 3)
