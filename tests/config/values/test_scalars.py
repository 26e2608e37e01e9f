"""Field types of settings: texts to values, errors through pydantic."""

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from jmxbridge.config.text.problem import InvalidValue
from jmxbridge.config.values import scalars
from jmxbridge.config.values.address import Address
from jmxbridge.config.values.scalars import INVALID_VALUE, as_pydantic_error


def validate(kind: Any, value: object) -> Any:
    """Read a value as a field of this type."""
    return TypeAdapter(kind).validate_python(value)


def error(kind: Any, value: object) -> Mapping[str, Any]:
    """Return pydantic's details of the only error of a value."""
    with pytest.raises(ValidationError) as caught:
        validate(kind, value)
    (details,) = caught.value.errors()
    return details


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        (["a:1", "b:2"], [("a", 1), ("b", 2)]),
        ("a:1", [("a", 1)]),
        ("a:1,b:2 , [::1]:3", [("a", 1), ("b", 2), ("::1", 3)]),
    ],
)
def test_bootstrap_is_a_list_or_one_text(text: object, addresses: list[tuple[str, int]]) -> None:
    """A YAML list, one address, or several with commas as Kafka's own tools take them."""
    bootstrap = validate(scalars.BootstrapList, text)

    assert [(address.host, address.port) for address in bootstrap] == addresses


def test_bootstrap_error_is_at_its_character() -> None:
    """The position counts from the beginning of the whole text."""
    details = error(scalars.BootstrapList, "a:1, b")

    assert details["type"] == INVALID_VALUE
    assert details["ctx"]["message"] == '"b" has no port: write host:port'
    assert details["ctx"]["position"] == 6


@pytest.mark.parametrize(
    ("value", "message"),
    [({"a": "b"}, "wants a duration, got a mapping"), (["10s"], "wants a duration, got a list")],
)
def test_list_or_mapping_for_a_text_is_refused(value: object, message: str) -> None:
    """The error names what is wanted and what is there."""
    assert error(scalars.Duration, value)["msg"] == message


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        (scalars.Interval, "50ms", "50ms is not between 100ms and 1d"),
        (scalars.Duration, "4000d", "4000d is not between 1ms and 3650d"),
        (scalars.StoreSize, "1KiB", "1KiB is not between 1MiB and 1TiB"),
    ],
)
def test_value_out_of_bounds_is_refused(kind: object, text: str, message: str) -> None:
    """The bounds are written as durations and sizes."""
    assert error(kind, text)["msg"] == message


@pytest.mark.parametrize(
    ("kind", "value"),
    [(scalars.Interval, 0.01), (scalars.BootstrapList, (Address("a", 1),)), (scalars.Count, 0)],
)
def test_value_of_code_passes(kind: object, value: object) -> None:
    """A value that is no text is made by code, which knows its bounds."""
    assert validate(kind, value) == value


def test_names_that_clash_are_refused_at_their_key() -> None:
    """Two fields of one measurement cannot have one name."""
    names = {"kafka_consumer_lag.ahead": "offset"}
    details = error(scalars.LagNames, names)

    assert details["ctx"]["key"] == "kafka_consumer_lag.ahead"
    assert details["msg"] == '"offset" is already the name of kafka_consumer_lag.offset'


def test_names_without_a_clash_pass() -> None:
    """Each name has a measurement, a tag or a field of its own."""
    names = {"kafka_consumer_lag": "lag"}

    assert validate(scalars.LagNames, names) == names


def test_as_pydantic_error_keeps_the_suggestion() -> None:
    """Message, position and suggestion survive the way through pydantic."""
    custom = as_pydantic_error(InvalidValue("no {braces}", 3, "yes"), "key")

    assert custom.message() == "no {braces}"
    assert custom.context == {
        "message": "no {braces}",
        "position": 3,
        "suggestion": "yes",
        "key": "key",
    }
