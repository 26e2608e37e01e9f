"""Secrets of a file, found by their keys and by their looks."""

import pytest

from jmxbridge.config.text.redaction import (
    is_secret,
    is_token,
    logins_of_urls,
    secrets_of_line,
    secrets_of_tree,
)
from jmxbridge.config.text.yaml_parser import compose


def texts(yaml: str) -> list[str]:
    """Return the texts that are secrets in a file."""
    root = compose(yaml).root
    assert root is not None
    return [scalar.text for scalar in secrets_of_tree(root)]


def hidden(lines: str, number: int) -> list[str]:
    """Return the parts of a line that are secrets in a text that is not YAML."""
    all_lines = lines.split("\n")
    return [all_lines[number][start:end] for start, end in secrets_of_line(all_lines, number)]


@pytest.mark.parametrize(
    ("key", "secret"),
    [
        ("token", True),
        ("tokn", True),
        ("Token", True),
        ("pasword", True),
        ("password", True),
        ("client_secret", True),
        ("api_key", True),
        ("sasl.jaas.config", True),
        ("passphrase", True),
        ("pass", True),
        ("passive", False),
        ("token_file", False),
        ("token_url", False),
        ("password_file", False),
        ("bucket", False),
        ("org", False),
    ],
)
def test_is_secret_knows_keys_and_misspellings(key: str, secret: bool) -> None:
    """Names of secrets are known, misspelt ones too; a file's path or a URL is none."""
    assert is_secret(key) is secret


@pytest.mark.parametrize(
    ("name", "token"), [("x" * 40, True), ("x" * 39, False), ("/run/" + "x" * 60, False)]
)
def test_is_token_judges_by_length_and_characters(name: str, token: bool) -> None:
    """A token is long and has no folder; a file name is short, or has one."""
    assert is_token(name) is token


@pytest.mark.parametrize(
    ("text", "secrets"),
    [
        ("password: swordfish", ["swordfish"]),
        ("{password: [{a: x}]}", ["x"]),
        ("token: ${TOKEN}", []),
        ("token: ${TOKEN:-x}", ["${TOKEN:-x}"]),
        ("influxdb: {key: x, bukcet: b, url: u}", ["x"]),
        ("kafka: {sasl: {key: x, usernam: b}}", ["x"]),
        ("influxdb: text", []),
        (f"password_file: {'x' * 40}", ["x" * 40]),
        ("password_file: /etc/secret", []),
        ("url: me:a/b@host", ["me:a/b@host"]),
        ("url: http://me:ab@host", []),
        ("a: &a {password: x}\nb: *a", ["x"]),
        ("token: x\ntoken: y", ["y", "x"]),
    ],
)
def test_secrets_of_tree(text: str, secrets: list[str]) -> None:
    """Values of secret keys, at any depth, once each; unknown keys where secrets belong."""
    assert sorted(texts(text)) == sorted(secrets)


@pytest.mark.parametrize(
    ("text", "number", "secrets"),
    [
        ("a: {token: x", 0, ["x"]),
        ("token:\n  - x: y", 1, ["x: y"]),
        ("influxdb:\n  bucket: x", 1, ["x"]),
        ("targets:\n  bucket: x", 1, []),
        ("a: b", 0, []),
        ("a: b", 7, []),
    ],
)
def test_secrets_of_line(text: str, number: int, secrets: list[str]) -> None:
    """A line that looks like a secret, lines below one, and values of the section of secrets."""
    assert hidden(text, number) == secrets


@pytest.mark.parametrize(
    ("line", "logins"),
    [
        ("http://me:x@host:1/p", ["me:x"]),
        ("http://x@host", ["x"]),
        ("me:x@host", ["me:x"]),
        ("me@host", []),
        ("http://host/write?u=me&p=x&db=y", ["x"]),
        ("http://host/?token=x", ["x"]),
    ],
)
def test_logins_of_urls(line: str, logins: list[str]) -> None:
    """User and password before an @, and passwords in a query; a bare name with @ is an address."""
    assert [line[start:end] for start, end in logins_of_urls(line)] == logins
