"""Texts that are taken from an old file into a new one."""

import pytest

from jmxbridge.config.migration.draft import Draft, escaped, literal, tag_name, without_login


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://u:p@h:80/x", ("http://h:80/x", "u", "p")),
        ("http://u:p/q%40@h", ("http://h", "u", "p/q@")),
        ("http://u:1/2@h:80", ("http://h:80", "u", "1/2")),
        ("http://u@h", ("http://h", "u", "")),
        ("http://h/x?y=a@b", ("http://h/x?y=a@b", "", "")),
        ("http://h:80", ("http://h:80", "", "")),
    ],
)
def test_without_login_takes_whatever_may_be_a_password(
    url: str, expected: tuple[str, str, str]
) -> None:
    """In doubt part of the host is lost, but no password is in the new file."""
    assert without_login(url) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a${B}c", "a${B}c"),
        ("a${", "a$${"),
        ("${1}", "$${1}"),
        ("${A:-b}", "$${A:-b}"),
        ("$a", "$a"),
    ],
)
def test_literal_escapes_all_but_variables(text: str, expected: str) -> None:
    """A plain `${NAME}` stays a variable; any other `${` is written as `$${`."""
    assert literal(text) == expected


def test_escaped_name_is_one_name_of_a_path() -> None:
    """Dots, braces and backslashes of an attribute's name get a backslash."""
    assert escaped(r"a.b{c}\d") == r"a\.b\{c\}\\d"


@pytest.mark.parametrize(("key", "name"), [("topic", "topic"), ("cluster", "cluster_key")])
def test_tag_name_is_none_that_every_point_has(key: str, name: str) -> None:
    """A key property called cluster or target gets another tag name."""
    assert tag_name(key) == name


def test_login_is_copied_with_a_variable_for_its_password() -> None:
    """A password in the text is not copied, and the user name alone would be half a login."""
    draft = Draft()

    assert draft.login(1, "influxdb", "me", "${PASSWORD}") == {
        "username": "me",
        "password": "${PASSWORD}",
    }
    assert draft.leftovers == []
    assert draft.login(2, "influxdb", "me", "swordfish") == {}
    assert [leftover.line for leftover in draft.leftovers] == [2]
    assert "swordfish" not in str(draft.leftovers[0])
