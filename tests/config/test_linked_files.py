"""Secrets, certificates and keys in files of their own."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from jmxbridge.config.linked_files import no_secrets
from jmxbridge.config.model.models import Settings
from jmxbridge.config.text.problem import InvalidValue

MakeSettings = Callable[..., Settings]
FindProblems = Callable[..., list[str]]

CREDENTIALS = {"CREDENTIALS_DIRECTORY": "/run/credentials/jmxbridge.service"}
RULES = (
    "mbeans: {jvm: [{bean: 'java.lang:type=Runtime', measurement: jvm, fields: {Uptime: up}}]}\n"
)


def name_of(path: Path) -> str:
    """Read every file as its own path."""
    return f"secret of {path}"


def shown(secret: SecretStr | str | None) -> str | None:
    """Return the text of a secret."""
    return secret.get_secret_value() if isinstance(secret, SecretStr) else secret


@pytest.mark.parametrize(
    ("login", "expected"),
    [
        ("", (None, None, None)),
        ("token: t", ("t", None, None)),
        ("username: u, password: p", (None, "u", "p")),
        ("username: u, password_file: /run/p", (None, "u", "secret of /run/p")),
        ("token_file: t", ("secret of /etc/jmxbridge/t", None, None)),
    ],
)
def test_login_of_influxdb(
    login: str, expected: tuple[str | None, ...], settings: MakeSettings
) -> None:
    """Nothing, a token, or user name and password; secrets in the file or in files."""
    made = settings(
        f"influxdb: {{url: 'http://x:8086/', bucket: k/rp, {login}}}\n", read_secret=name_of
    )

    influxdb = made.influxdb
    assert influxdb is not None
    secrets = (influxdb.token, influxdb.username, influxdb.password)
    assert tuple(shown(secret) for secret in secrets) == expected
    assert influxdb.url == "http://x:8086"


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("token", f"{CREDENTIALS['CREDENTIALS_DIRECTORY']}/token"),
        ("secrets/token", "/etc/jmxbridge/secrets/token"),
        ("/etc/token", "/etc/token"),
    ],
)
def test_bare_name_is_a_credential_of_systemd(name: str, path: str, settings: MakeSettings) -> None:
    """`LoadCredential=token:…` and `token_file: token` belong together; a path is a path."""
    text = f"influxdb: {{url: 'http://i:8086', bucket: b, token_file: {name}}}\n"

    made = settings(text, environ=CREDENTIALS, read_secret=name_of)
    assert made.influxdb is not None
    assert shown(made.influxdb.token) == f"secret of {path}"


def test_bare_name_without_systemd_is_next_to_the_file(settings: MakeSettings) -> None:
    """Without a directory of credentials every relative path is one of the file's folder."""
    text = "influxdb: {url: 'http://i:8086', bucket: b, token_file: token}\n"

    made = settings(text, read_secret=name_of)

    assert made.influxdb is not None
    assert shown(made.influxdb.token) == "secret of /etc/jmxbridge/token"


def test_login_of_kafka(settings: MakeSettings) -> None:
    """Secrets are read, and certificates found, relative to the file."""
    made = settings(
        """
kafka:
  bootstrap: k:9092
  tls: {ca_file: ca.pem, cert_file: /me.pem}
  sasl:
    mechanism: OAUTHBEARER
    token_url: https://id.example.org/token
    client_id: bridge
    client_secret_file: s/it
    token_ca_file: id.pem
""",
        read_secret=name_of,
        kafka=False,
    )

    assert made.kafka is not None
    sasl, tls = made.kafka.sasl, made.kafka.tls
    assert sasl is not None
    assert tls is not None
    assert shown(sasl.client_secret) == "secret of /etc/jmxbridge/s/it"
    assert sasl.token_ca_file == Path("/etc/jmxbridge/id.pem")
    assert (tls.ca_file, tls.cert_file) == (Path("/etc/jmxbridge/ca.pem"), Path("/me.pem"))


def test_password_of_kafka_may_be_a_credential(settings: MakeSettings) -> None:
    """The rule for bare names is the same for every secret."""
    text = (
        "kafka: {bootstrap: 'k:1', tls: {},"
        " sasl: {mechanism: PLAIN, username: a, password_file: pw}}\n"
    )

    made = settings(text, environ=CREDENTIALS, read_secret=name_of, kafka=False)

    assert made.kafka is not None
    assert made.kafka.sasl is not None
    assert shown(made.kafka.sasl.password) == "secret of /run/credentials/jmxbridge.service/pw"


def test_login_and_tls_of_a_target(settings: MakeSettings) -> None:
    """The password is read, certificates are found, and neither is in the text of settings."""
    made = settings(
        RULES
        + """
targets:
  - name: a
    jmx: h:1
    collect: jvm
    username: me
    password_file: secret
    tls: {registry: true, ca_file: ca.pem, check_hostname: false}
  - {name: b, jmx: 'h:2', collect: jvm}
""",
        read_secret=name_of,
    )

    target, plain = made.targets
    assert shown(target.password) == "secret of /etc/jmxbridge/secret"
    assert target.tls is not None
    assert (target.tls.registry, target.tls.check_hostname) == (True, False)
    assert target.tls.ca_file == Path("/etc/jmxbridge/ca.pem")
    assert "of /etc" not in repr(target)
    assert (plain.password, plain.tls) == (None, None)


def test_password_of_a_key(settings: MakeSettings) -> None:
    """A key store next to the file, its password in a file; Kafka's `tls` has the same keys."""
    made = settings(
        RULES
        + """
kafka:
  bootstrap: 127.0.0.1:9093
  tls: {cert_file: me.pem, key_file: me.key, key_password_file: ours/key}
targets:
  - {name: a, jmx: 'a:1', collect: jvm, tls: {cert_file: me.p12, key_password_file: store}}
""",
        read_secret=name_of,
        kafka=False,
    )

    assert made.kafka is not None
    sections = {"store": made.targets[0].tls, "ours/key": made.kafka.tls}
    for file, tls in sections.items():
        assert tls is not None
        assert tls.cert_file is not None
        assert tls.cert_file.parent == Path("/etc/jmxbridge")
        assert shown(tls.key_password) == f"secret of /etc/jmxbridge/{file}"
        assert "of /etc" not in repr(tls)


@pytest.mark.parametrize(
    ("path", "expected"), [("s.db", "/etc/jmxbridge/s.db"), ("/s.db", "/s.db")]
)
def test_path_of_the_store(path: str, expected: str, settings: MakeSettings) -> None:
    """A relative path is relative to the file, wherever the process was started."""
    assert settings(f"store: {{path: {path}}}\n").store.path == Path(expected)


def test_store_without_a_path_has_none(settings: MakeSettings) -> None:
    """The loader chooses the state directory."""
    assert settings("store: {retain: 1d}\n").store.path is None


def test_file_that_cannot_be_read_is_reported_at_its_key(problems: FindProblems) -> None:
    """The message has the path that was tried; no_secrets has no file."""
    text = "influxdb: {url: 'http://i:1', bucket: b, token_file: t}\n"

    assert problems(text) == ["influxdb.token_file: /etc/jmxbridge/t: no such file"]
    with pytest.raises(InvalidValue, match="no such file"):
        no_secrets(Path("t"))


def test_secret_in_place_of_its_file_is_not_shown(problems: FindProblems) -> None:
    """A token that stands under `token_file` is recognized, and not repeated."""
    text = f"influxdb: {{url: 'http://i:1', bucket: b, token_file: {'x' * 60}}}\n"

    assert problems(text) == [
        "influxdb.token_file: looks like the token itself, not like a file: put it into a file"
    ]
