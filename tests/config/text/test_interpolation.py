"""`${NAME}` and `${NAME:-default}` in a text, and the texts that stay unchanged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.config.text.interpolation import interpolate, names_a_variable, variables
from jmxbridge.config.text.problem import InvalidValue

ENVIRON = {"HOST": "db", "EMPTY": "", "NESTED": "${HOST}"}

CASES = [
    ("", ""),
    ("plain", "plain"),
    ("${HOST}", "db"),
    ("http://${HOST}:${PORT:-8086}/x", "http://db:8086/x"),
    ("${HOST:-other}", "db"),
    ("${EMPTY}", ""),
    ("${EMPTY:-default}", "default"),
    ("${MISSING:-}", ""),
    ("${MISSING:-a:-b c}", "a:-b c"),
    ("${NESTED}", "${HOST}"),
    ("$${HOST}", "${HOST}"),
    ("$$${HOST}", "$${HOST}"),
    ("orders$", "orders$"),
    ("$HOST $1 $$", "$HOST $1 $$"),
    ("{name}_total", "{name}_total"),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_interpolate_replaces_variables(text: str, expected: str) -> None:
    """References are replaced once; every other dollar sign stays."""
    assert interpolate(text, ENVIRON) == expected


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("${MISSING}", 0),
        ("a${MISSING}", 1),
        ("ab${}", 2),
        ("${1A}", 0),
        ("${HOST", 0),
        ("x${A-b}", 1),
    ],
)
def test_interpolate_refuses(text: str, position: int) -> None:
    """A missing variable and a malformed reference are refused at their position."""
    with pytest.raises(InvalidValue) as caught:
        interpolate(text, ENVIRON)

    assert caught.value.position == position


@given(st.text().filter(lambda text: "${" not in text))
def test_text_without_variables_stays(text: str) -> None:
    """A text without `${` is not changed."""
    assert interpolate(text, {}) == text


@given(st.text())
def test_every_text_can_be_written(text: str) -> None:
    """With `$${` for `${` a file can have any text."""
    assert interpolate(text.replace("${", "$${"), {}) == text


@given(st.text(), st.text().filter(lambda text: "${" not in text and not text.endswith("$")))
def test_value_of_a_variable_is_not_interpolated(value: str, around: str) -> None:
    """The value of a variable arrives unchanged, with the text around it."""
    assert interpolate(around + "${X}" + around, {"X": value}) == around + value + around


def test_names_a_variable_is_true_for_one_name_alone() -> None:
    """Only a text that is one variable without a default shows no secret."""
    assert names_a_variable("${TOKEN}")
    assert not names_a_variable("${TOKEN:-swordfish}")
    assert not names_a_variable("swordfish${X}")


def test_variables_are_listed_with_their_defaults() -> None:
    """An escaped one and a malformed one are none."""
    assert variables("${A}-${B:-x} $${C} ${") == [("A", False), ("B", True)]
