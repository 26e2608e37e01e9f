"""`${NAME}`, `${NAME:-default}`, and what is left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.config.text.interpolation import interpolate, names_a_variable
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
def test_replaces(text: str, expected: str) -> None:
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
def test_refuses(text: str, position: int) -> None:
    """A missing variable and a reference that is none are refused where they stand."""
    with pytest.raises(InvalidValue) as caught:
        interpolate(text, ENVIRON)

    assert caught.value.position == position


@given(st.text().filter(lambda text: "${" not in text))
def test_text_without_references_is_itself(text: str) -> None:
    """Nothing happens to a text in which no reference begins."""
    assert interpolate(text, {}) == text


@given(st.text())
def test_every_text_can_be_written(text: str) -> None:
    """With `$${` for `${` any text at all can stand in a file."""
    assert interpolate(text.replace("${", "$${"), {}) == text


@given(st.text(), st.text().filter(lambda text: "${" not in text and not text.endswith("$")))
def test_a_value_is_not_looked_into(value: str, around: str) -> None:
    """Whatever a variable holds arrives unchanged between what stands around it."""
    assert interpolate(around + "${X}" + around, {"X": value}) == around + value + around


def test_tells_a_reference_from_a_secret() -> None:
    """Only a text that is nothing but a name may be shown in place of a secret."""
    assert names_a_variable("${TOKEN}")
    assert not names_a_variable("${TOKEN:-swordfish}")
    assert not names_a_variable("swordfish${X}")
