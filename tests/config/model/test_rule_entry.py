"""Entries under `mbeans:`, their own checks, and the rules they become."""

from collections.abc import Callable

import pytest

from jmxbridge.config.model.models import Settings
from jmxbridge.config.model.rule_entry import UnitOfField, parse_attribute, parse_unit
from jmxbridge.config.text.problem import InvalidValue
from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.mbeans.rule import Field, FieldType, Rule

MakeSettings = Callable[..., Settings]
FindProblems = Callable[..., list[str]]


def field(text: str, measurement: str = "m") -> str:
    """Write a file with one rule, which has one field."""
    rule = f"{{bean: 'a:type=T', measurement: {measurement}, fields: {{A: {text}}}}}"
    return f"mbeans: {{s: [{rule}]}}\n"


def test_every_key_of_an_entry_is_in_the_rule(settings: MakeSettings) -> None:
    """Aliases, conversions, states, and the place in the file."""
    made = settings(
        """
mbeans:
  s:
    - bean: [a:type=B, "a:type=C,*"]
      measurement: m_{type}
      every: 1m
      optional: true
      limit: 100
      help: What B and C are.
      unit: "1"
      fields:
        A.b.c: {name: x, scale: 0.001}
        M: {name: m, unit: ms to s}
        N: {name: n, unit: connections}
        S: {name: "{type}_state", type: int, states: {"on": 1, true: 2}, else: 0}
        V: {name: v, type: string}
        B: {name: b, type: bool}
"""
    )

    (rule,) = made.mbeans["s"]
    assert rule == Rule(
        set_name="s",
        beans=(ObjectName.parse("a:type=B"), ObjectName.parse("a:type=C,*")),
        measurement="m_{type}",
        tags={},
        fields=(
            Field("A", ("b", "c"), "x", FieldType.FLOAT, scale=0.001),
            Field("M", (), "m", FieldType.FLOAT, scale=0.001, unit="s"),
            Field("N", (), "n", FieldType.FLOAT, unit="connections"),
            Field(
                "S",
                (),
                "{type}_state",
                FieldType.INT,
                states={"on": 1.0, "true": 2.0},
                otherwise=0.0,
            ),
            Field("V", (), "v", FieldType.STRING),
            Field("B", (), "b", FieldType.BOOL),
        ),
        every_s=60.0,
        optional=True,
        limit=100,
        help="What B and C are.",
        unit="1",
        where="/etc/jmxbridge/mbeans.yaml:4:7",
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{name: x, else: 0}", 'else: needs "states": it is for strings that they lack'),
        (
            "{name: x, type: string, states: {a: 1}}",
            "states: states become numbers; the type is string",
        ),
        (
            "{name: x, type: int, states: {a: 0.5}}",
            "states: states of an int field must be whole numbers",
        ),
        (
            "{name: x, type: int, states: {a: 1}, else: 0.5}",
            "states: states of an int field must be whole numbers",
        ),
        ("{name: x, unit: ms to s, scale: 2}", "scale: the unit converts already: keep one"),
        (
            "{name: x, type: int, scale: 2}",
            "scale: only a float's value can be scaled: the type is int",
        ),
        (
            "{name: x, type: int, unit: ms to s}",
            "unit: only a float's value can be scaled: the type is int",
        ),
        (
            "{name: x, states: {a: 1}, scale: 2}",
            "scale: only a float's value can be scaled: these are states",
        ),
    ],
)
def test_keys_of_a_field_that_contradict_each_other(
    text: str, problem: str, problems: FindProblems
) -> None:
    """The error is at the key that has to go."""
    assert problems(field(text)) == [f"mbeans.s[0].fields.A.{problem}"]


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "{name: x, type: int, states: {a: 1}, else: 0}",
        "{name: x, unit: ms, scale: 2}",
        "{name: x, unit: ms to ms, scale: 2}",
    ],
)
def test_keys_of_a_field_that_go_together(text: str, problems: FindProblems) -> None:
    """States of an int field are whole numbers; a unit that converts nothing may be scaled."""
    assert problems(field(text)) == []


@pytest.mark.parametrize(
    "measurement", ["jmxbridge_target", "kafka_consumer_lag", "kafka_share_group_lag_x"]
)
def test_measurement_of_jmxbridge_is_refused(measurement: str, problems: FindProblems) -> None:
    """Fields of a rule could clash with those that are written already."""
    assert problems(field("x", measurement)) == [
        "mbeans.s[0].measurement: jmxbridge writes this measurement itself"
    ]


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("ms", UnitOfField("ms")),
        ("parts per million", UnitOfField("parts per million")),
        ("ms to s", UnitOfField("s", 0.001)),
        ("s to s", UnitOfField("s", 1.0)),
    ],
)
def test_parse_unit(text: str, unit: UnitOfField) -> None:
    """Any unit can be named; `to` converts between known ones."""
    assert parse_unit(text) == unit


@pytest.mark.parametrize(
    ("text", "message", "position", "suggestion"),
    [
        ("msec to s", '"msec" is no unit to convert; known units: ns', 0, "ms"),
        ("ms to S", '"S" is no unit to convert; known units: ns', 6, "s"),
        ("ms to B", '"ms" cannot become "B": they measure different things', 0, None),
    ],
)
def test_parse_unit_refuses(text: str, message: str, position: int, suggestion: str | None) -> None:
    """The error is at the unit that is not known."""
    with pytest.raises(InvalidValue) as caught:
        parse_unit(text)

    assert caught.value.message.startswith(message)
    assert (caught.value.position, caught.value.suggestion) == (position, suggestion)


def test_parse_attribute_keeps_the_text() -> None:
    """A path is checked, and parsed when the rule is made."""
    assert parse_attribute("A.b") == "A.b"
    with pytest.raises(InvalidValue) as caught:
        parse_attribute(r"A\b")
    assert caught.value.position == 1
