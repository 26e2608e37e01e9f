"""Texts of single values: what each kind reads, and what it refuses, at which character."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jmxbridge.config.text.problem import InvalidValue
from jmxbridge.config.values import grammar
from jmxbridge.config.values.grammar import MAX_TEXT


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (grammar.parse_text, "a b", "a b"),
        (grammar.parse_boolean, "true", True),
        (grammar.parse_boolean, "FALSE", False),
        (grammar.parse_number, "-1.5e3", -1500.0),
        (grammar.parse_number, ".5", 0.5),
        (grammar.parse_count, "10", 10),
        (grammar.parse_regex, "a.*", "a.*"),
        (grammar.parse_url, "http://h:8086/", "http://h:8086"),
        (grammar.parse_url, "https://[::1]:1/a", "https://[::1]:1/a"),
        (grammar.parse_url, "http://[::1]", "http://[::1]"),
        (grammar.parse_path, "/a/b", Path("/a/b")),
        (grammar.parse_pem_path, "ca.pem", Path("ca.pem")),
        (grammar.parse_certificate_path, "me.p12", Path("me.p12")),
        (grammar.parse_header_text, "me", "me"),
        (grammar.parse_aws_region, "us-gov-west-1", "us-gov-west-1"),
        (grammar.parse_influx_name, "kafka_lag", "kafka_lag"),
        (grammar.parse_lag_name, "kafka_consumer_lag", "kafka_consumer_lag"),
        (grammar.parse_template, "m_{type}_{=name}", "m_{type}_{=name}"),
        (grammar.parse_tag_name, "dc", "dc"),
    ],
)
def test_parse(parse: Callable[[str], Any], text: str, value: object) -> None:
    """Each kind has a Python value."""
    assert parse(text) == value


@pytest.mark.parametrize(
    ("parse", "text", "message", "position"),
    [
        (grammar.parse_text, "", "is empty", 0),
        (grammar.parse_text, "x" * (MAX_TEXT + 1), "is longer than 1,024 characters", MAX_TEXT),
        (grammar.parse_text, "a\x07", "contains U+0007, which is not text", 1),
        (grammar.parse_boolean, "yes", 'wants true or false, got "yes"', 0),
        (grammar.parse_number, "1,5", '"1,5" is not a number', 0),
        (grammar.parse_number, "1e999", '"1e999" is too large for a number', 0),
        (grammar.parse_number, "-1e999", '"-1e999" is too large for a number', 0),
        (grammar.parse_count, "0", 'wants a whole number from 1, got "0"', 0),
        (grammar.parse_count, "1.5", 'wants a whole number from 1, got "1.5"', 0),
        (
            grammar.parse_regex,
            "(",
            "not a regular expression: missing ), unterminated subpattern",
            0,
        ),
        (
            grammar.parse_regex,
            "*a",
            "not a regular expression: nothing to repeat; any text is .*",
            0,
        ),
        (grammar.parse_regex, "a{99999999999}", "not a regular expression: too large", 0),
        (grammar.parse_url, "h:8086", "wants a URL such as http://127.0.0.1:8086", 0),
        (
            grammar.parse_url,
            "http://me:x@h",
            "no user and password in the URL: they have keys of their own",
            7,
        ),
        (
            grammar.parse_url,
            "http://me:a/b@h",
            "no user and password in the URL: they have keys of their own",
            7,
        ),
        (grammar.parse_url, "http://h/?a=b", "nothing after ? or # is used: leave it out", 9),
        (grammar.parse_url, "http://h:x/", '"x" is not a TCP port (1 to 65535)', 9),
        (grammar.parse_path, "~/a", "only a shell replaces ~; write ${HOME} instead", 0),
        (
            grammar.parse_pem_path,
            "a.JKS",
            "a key store, which only cert_file may be; wants PEM: openssl pkcs12 -in STORE.p12"
            " -nodes -out CLIENT.pem",
            0,
        ),
        (
            grammar.parse_certificate_path,
            "a.jks",
            "a Java key store; wants PEM or PKCS#12: keytool -importkeystore -srckeystore"
            " STORE.jks -destkeystore STORE.p12 -deststoretype pkcs12",
            0,
        ),
        (grammar.parse_secret, "", "is empty", 0),
        (grammar.parse_secret, "a\nb", "contains a control character (a line break?)", 0),
        (
            grammar.parse_header_secret,
            "é",
            "contains a character that an HTTP header cannot carry: ASCII only",
            0,
        ),
        (
            grammar.parse_header_text,
            "é",
            "contains a character that an HTTP header cannot carry: ASCII only",
            0,
        ),
        (
            grammar.parse_aws_region,
            "Frankfurt",
            '"Frankfurt" is not a region of AWS, such as eu-central-1',
            0,
        ),
        (grammar.parse_object_name, "", "is empty: *:* is every MBean", 0),
        (
            grammar.parse_object_name,
            "a",
            "not an ObjectName: expected ':' after the domain",
            1,
        ),
        (grammar.parse_influx_name, "_a", "names that begin with _ belong to InfluxDB itself", 0),
        (grammar.parse_influx_name, "#a", "a name that begins with # makes the line a comment", 0),
        (grammar.parse_influx_name, "time", "time is InfluxDB's own column", 0),
        (
            grammar.parse_template,
            "a_{b",
            "an unmatched brace; {key} stands for a key property",
            2,
        ),
        (grammar.parse_template, "{a}{}", "{} names no key property", 3),
        (grammar.parse_tag_name, "cluster", "every point has the tag cluster already", 0),
        (
            grammar.parse_tag_name,
            "target",
            "every point has the tag target already, the target's name",
            0,
        ),
    ],
)
def test_parse_refuses(parse: Callable[[str], Any], text: str, message: str, position: int) -> None:
    """The message tells what is wrong or what to write; the position is where."""
    with pytest.raises(InvalidValue) as caught:
        parse(text)

    assert (caught.value.message, caught.value.position) == (message, position)


def test_secrets_are_not_quoted() -> None:
    """Neither the value nor an error about it shows a secret."""
    assert "swordfish" not in repr(grammar.parse_header_secret("swordfish"))
    for parse, text in (
        (grammar.parse_secret, "sword\nfish"),
        (grammar.parse_header_secret, "swordfish é"),
    ):
        with pytest.raises(InvalidValue) as caught:
            parse(text)
        assert "fish" not in caught.value.message


def test_lag_name_suggests_the_nearest() -> None:
    """A misspelt name of a measurement or a field is recognized."""
    with pytest.raises(InvalidValue) as caught:
        grammar.parse_lag_name("kafka_consumer_leg")

    assert caught.value.suggestion == "kafka_consumer_lag"


def test_choice_suggests_the_nearest() -> None:
    """A parser of a few words lists them, and the one that was probably meant."""
    parse = grammar.choice("rmi", "jolokia")

    assert parse("rmi") == "rmi"
    with pytest.raises(InvalidValue) as caught:
        parse("jolokai")
    assert caught.value.message == '"jolokai" is not one of rmi, jolokia'
    assert caught.value.suggestion == "jolokia"


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("Interval", "interval"),
        ("intervall", "interval"),
        ("bootstrap-servers", "bootstrap"),
        ("mbean", "bean"),
        ("database", None),
        ("xyz", None),
    ],
)
def test_closest(text: str, suggestion: str | None) -> None:
    """Another case, a misspelling, or another tool's name for a key that is known here."""
    assert grammar.closest(text, ["interval", "bootstrap", "bean"]) == suggestion


@pytest.mark.parametrize(
    ("name", "expected"), [("a.p12", True), ("a.PFX", True), ("a.pem", False), ("p12", False)]
)
def test_is_pkcs12(name: str, expected: bool) -> None:
    """A store is recognized by the end of its name."""
    assert grammar.is_pkcs12(Path(name)) is expected


def test_template_keys_have_positions() -> None:
    """Both forms of a key property count."""
    assert grammar.template_keys("a_{b}{=c}") == [("b", 2), ("c", 5)]


def test_object_name_may_be_a_pattern() -> None:
    """The rule of an MBean names it, or a pattern of names."""
    name = grammar.parse_object_name("a.b:type=C,*")

    assert name.is_property_list_pattern
