"""Conversion of every kind of value to every type of field.

One table: a value, and the result as float, int, bool and string. `NONFINITE` and `TYPE` are
counted, `ABSENT` is not.
"""

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.values import Composite, JavaObject, Value
from jmxbridge.mbeans.conversion import INT64_MAX, INT64_MIN, Dropped, converter, unconverted_type
from jmxbridge.mbeans.rule import Field, FieldType
from jmxbridge.point import FieldValue

NONFINITE, TYPE, ABSENT = Dropped.NONFINITE, Dropped.TYPE, Dropped.ABSENT
Outcome = FieldValue | Dropped
NAME = ObjectName.parse('a:b="c"')

CASES: list[tuple[str, Value, Outcome, Outcome, Outcome, Outcome]] = [
    # what               value             float        int        bool   string
    ("zero", 0, 0.0, 0, TYPE, TYPE),
    ("int", 42, 42.0, 42, TYPE, TYPE),
    ("negative", -1, -1.0, -1, TYPE, TYPE),
    ("beyond 2^53", 2**53 + 1, float(2**53), 2**53 + 1, TYPE, TYPE),
    ("largest long", INT64_MAX, float(2**63), INT64_MAX, TYPE, TYPE),
    ("smallest long", INT64_MIN, -float(2**63), INT64_MIN, TYPE, TYPE),
    ("BigInteger", 2**63, float(2**63), TYPE, TYPE, TYPE),
    ("huge BigInteger", 10**400, TYPE, TYPE, TYPE, TYPE),
    ("float", 1.5, 1.5, TYPE, TYPE, TYPE),
    ("whole float", 3.0, 3.0, 3, TYPE, TYPE),
    ("negative zero", -0.0, -0.0, 0, TYPE, TYPE),
    ("float beyond long", 1e300, 1e300, TYPE, TYPE, TYPE),
    ("float of 2^63", 2.0**63, 2.0**63, TYPE, TYPE, TYPE),
    ("NaN", math.nan, NONFINITE, NONFINITE, TYPE, TYPE),
    ("infinity", math.inf, NONFINITE, NONFINITE, TYPE, TYPE),
    ("minus infinity", -math.inf, NONFINITE, NONFINITE, TYPE, TYPE),
    ("true", True, 1.0, 1, True, TYPE),
    ("false", False, 0.0, 0, False, TYPE),
    ("string", "4.1.0", TYPE, TYPE, TYPE, "4.1.0"),
    ("number in a string", "42", TYPE, TYPE, TYPE, "42"),
    ("empty string", "", TYPE, TYPE, TYPE, ""),
    ("newline", "a\nb", TYPE, TYPE, TYPE, "a\nb"),
    ("ObjectName", NAME, TYPE, TYPE, TYPE, 'a:b="c"'),
    ("null", None, ABSENT, ABSENT, ABSENT, ABSENT),
    ("array", (1, 2), TYPE, TYPE, TYPE, TYPE),
    ("composite", Composite({"used": 1}), TYPE, TYPE, TYPE, TYPE),
    ("tabular", (Composite({"key": "a"}),), TYPE, TYPE, TYPE, TYPE),
    ("date", datetime(2026, 1, 1, tzinfo=UTC), TYPE, TYPE, TYPE, TYPE),
    ("unknown object", JavaObject("x.Y", (), {}, {}), TYPE, TYPE, TYPE, TYPE),
]


def convert(value: Value, field: Field) -> Outcome:
    """Convert one value."""
    return converter(field)(value)


@pytest.mark.parametrize(
    ("value", "as_float", "as_int", "as_bool", "as_string"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_conversion_of_each_kind_of_value(
    value: Value, as_float: Outcome, as_int: Outcome, as_bool: Outcome, as_string: Outcome
) -> None:
    """The outcome has the expected value, type and sign."""
    expected = dict(zip(FieldType, (as_float, as_int, as_bool, as_string), strict=True))

    for kind, outcome in expected.items():
        converted = convert(value, Field("A", (), "a", kind))
        assert (repr(converted), type(converted)) == (repr(outcome), type(outcome)), kind


@pytest.mark.parametrize("value", [case[1] for case in CASES], ids=[case[0] for case in CASES])
def test_values_of_the_unconverted_type_convert_to_themselves(value: Value) -> None:
    """The caller can skip the converter for these values."""
    states = {"4.1.0": 1.0}
    for kind in FieldType:
        for field in (
            Field("A", (), "a", kind),
            Field("A", (), "a", kind, scale=1000.0),
            Field("A", (), "a", kind, states=states),
            Field("A", ("used",), "a", kind),
        ):
            is_finite = not isinstance(value, float) or math.isfinite(value)
            if type(value) is unconverted_type(field) and is_finite:
                assert convert(value, field) is value


PYTHON_TYPE = {
    FieldType.FLOAT: float,
    FieldType.INT: int,
    FieldType.BOOL: bool,
    FieldType.STRING: str,
}


@given(
    st.sampled_from(FieldType),
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
)
def test_a_field_never_changes_its_type(kind: FieldType, value: Value) -> None:
    """A value that is not dropped has the type of its field, and can be encoded."""
    converted = convert(value, Field("A", (), "a", kind))

    if not isinstance(converted, Dropped):
        assert type(converted) is PYTHON_TYPE[kind]
        assert not isinstance(converted, float) or math.isfinite(converted)
        assert not isinstance(converted, int) or INT64_MIN <= converted <= INT64_MAX


@given(st.integers(min_value=INT64_MIN, max_value=INT64_MAX))
def test_an_int_field_is_exact(value: int) -> None:
    """No long is rounded in a field of type int."""
    assert convert(value, Field("A", (), "a", FieldType.INT)) == value


@pytest.mark.parametrize(
    ("value", "outcome"),
    [(1500, 1.5), (True, 0.001), (math.nan, NONFINITE), ("1", TYPE), (None, ABSENT)],
)
def test_conversion_multiplies_by_the_scale(value: Value, outcome: Outcome) -> None:
    """The result is a float."""
    assert convert(value, Field("A", (), "a", scale=0.001)) == outcome


def test_scaling_beyond_a_double_is_not_finite() -> None:
    """The infinite result is dropped as NONFINITE."""
    assert convert(1e300, Field("A", (), "a", scale=1e300)) is NONFINITE


STATES = {"leader": 1.0, "follower": 2.0, "true": 3.0, "7": 4.0}


@pytest.mark.parametrize(
    ("value", "otherwise", "outcome"),
    [
        ("leader", None, 1.0),
        ("follower", 0.0, 2.0),
        ("unheard of", 0.0, 0.0),
        ("unheard of", None, TYPE),
        ("Leader", None, TYPE),
        (True, None, 3.0),
        (7, None, 4.0),
        (7.0, 0.0, TYPE),
        (None, 0.0, ABSENT),
        ((), 0.0, TYPE),
    ],
)
def test_conversion_of_states_to_numbers(
    value: Value, otherwise: float | None, outcome: Outcome
) -> None:
    """Known strings become their number, others `else`; without `else` they are counted."""
    assert convert(value, Field("A", (), "a", states=STATES, otherwise=otherwise)) == outcome


def test_a_number_too_long_to_write_is_no_state() -> None:
    """A BigInteger with more digits than str() accepts is treated as an unknown string."""
    field = Field("A", (), "a", states={"1": 1.0})
    assert convert(10**5000, field) is TYPE
    assert convert(10**5000, Field("A", (), "a", states={"1": 1.0}, otherwise=9.0)) == 9.0


def test_states_of_an_int_field_are_ints() -> None:
    """The field's type applies to states too."""
    converted = convert("leader", Field("A", (), "a", FieldType.INT, states=STATES))

    assert (converted, type(converted)) == (1, int)


@pytest.mark.parametrize(
    ("path", "outcome"),
    [
        (("used",), 5.0),
        (("inner", "deep"), 6.0),
        (("gone",), ABSENT),
        (("gone", "deep"), ABSENT),
        (("lacking",), TYPE),
        (("used", "deep"), TYPE),
        (("nan",), NONFINITE),
    ],
)
def test_conversion_follows_a_path_into_composites(path: tuple[str, ...], outcome: Outcome) -> None:
    """Null ends it without a count; a missing name is counted."""
    inner = Composite({"deep": 6})
    value = Composite({"used": 5, "inner": inner, "gone": None, "nan": math.nan})

    assert convert(value, Field("A", path, "a")) == outcome
