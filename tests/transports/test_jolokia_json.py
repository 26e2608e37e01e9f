"""JSON of Jolokia agents of every generation, and the values in it."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.jmx import Composite, ObjectName, RemoteException, RemoteProtocolError, Value
from jmxbridge.transports import jolokia_json

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
PLAIN = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | FLOATS | st.text(max_size=5)
NAMES = st.text(max_size=5).filter(lambda name: name not in ("objectName", "bigint"))
JSON = st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner))


def back(value: Value) -> Any:
    """Convert a value back to JSON."""
    if isinstance(value, Composite):
        return {name: back(item) for name, item in value.items()}
    return [back(item) for item in value] if isinstance(value, tuple) else value


@given(JSON)
def test_to_value_loses_nothing(json_value: Any) -> None:
    """Whole numbers keep every digit; objects are composites, arrays tuples, at any depth."""
    assert back(jolokia_json.to_value(json.loads(json.dumps(json_value)))) == json_value


@pytest.mark.parametrize(
    ("json_value", "value"),
    [
        ({"objectName": "d:b=1,a=2"}, ObjectName.parse("d:a=2,b=1")),
        ({"objectName": "not a name"}, "not a name"),
        ({"objectName": "d:a=1", "more": 1}, Composite({"objectName": "d:a=1", "more": 1})),
        ({"bigint": "-123456789012345678901"}, -123456789012345678901),
        ({"bigint": "1e5"}, Composite({"bigint": "1e5"})),
        ({"bigint": "9" * 5000}, Composite({"bigint": "9" * 5000})),
    ],
)
def test_to_value_reads_object_names_and_large_numbers(json_value: Any, value: Value) -> None:
    """An object that only looks like one stays a composite, a malformed name a string."""
    assert jolokia_json.to_value(json_value) == value


THROWN = "javax.management.AttributeNotFoundException"


@pytest.mark.parametrize(
    "failed",
    [
        f"ERROR: No such attribute: x (class {THROWN})",
        "ERROR: null (class javax.management.MBeanException)",
        "ERROR: two\nlines (class java.lang.IllegalStateException)",
        {".error": True, "error_type": THROWN, "error": "No such attribute: x"},
        {".error": True, "error_type": "javax.management.MBeanException", "error": None},
    ],
)
def test_values_leave_out_attributes_that_failed(failed: Any) -> None:
    """Each generation of agents has its own form of such an error."""
    reply = {"status": 200, "value": {"a": 1, "x": failed}}
    assert jolokia_json.values(reply) == {"a": 1}


@pytest.mark.parametrize("text", ["ERROR: disk full", "no ERROR: x (class y)", ""])
def test_values_keep_texts_that_look_like_errors(text: str) -> None:
    """Only the whole form of an error is one."""
    assert jolokia_json.values({"status": 200, "value": {"a": text}}) == {"a": text}


def test_values_of_an_mbean_that_is_gone_are_its_exception() -> None:
    """Agents from 2.5 report it for every attribute: it is the MBean that is gone."""
    gone = {"error_type": "javax.management.InstanceNotFoundException", ".error": True}
    result = jolokia_json.values({"status": 200, "value": {"a": {**gone, "error": "d:a=1"}}})
    assert isinstance(result, RemoteException)
    assert result.error_class == "not_found"


@pytest.mark.parametrize("text", ["java.lang.Exception : LIST not allowed", "LIST not allowed"])
def test_failure_of_a_policy_is_an_access_error(text: str) -> None:
    """Whichever Java class the agent throws for it."""
    error = jolokia_json.failure(
        {"status": 403, "error_type": "java.lang.Exception", "error": text}
    )
    assert error.error_class == "access"
    assert error.message == "LIST not allowed"


def test_values_apart_take_one_reply_an_attribute() -> None:
    """NaN is read from its failure; a failure is the result only if nothing else was read."""
    nan = {"status": 400, "error_type": "java.lang.NumberFormatException", "error": "N"}
    gone = {"status": 404, "error_type": "javax.management.InstanceNotFoundException", "error": "x"}
    one = {"status": 200, "value": {"b": 1}}
    replies = iter([nan, one, gone, gone, gone, one])
    read = jolokia_json.values_apart("ab", replies)
    assert not isinstance(read, RemoteException)
    assert isinstance(read["a"], float)
    assert math.isnan(read["a"])
    assert read["b"] == 1
    assert isinstance(jolokia_json.values_apart("xyz", replies), RemoteException)
    assert next(replies) is one


def test_list_attributes_escapes_names_in_its_path() -> None:
    """A slash in a name is escaped, and so is the escape character."""
    request = jolokia_json.list_attributes(ObjectName.parse("a/b:type=c!/d,name=e"))
    assert request == {"type": "list", "path": "a!/b/type=c!!!/d,name=e/attr"}


def test_second_of_replies_is_before_the_first_of_them() -> None:
    """Without timestamps it is 0, so that everything counts as a change."""
    assert jolokia_json.second_of([{"timestamp": 12}, {"timestamp": 10}, {"status": 404}]) == 9
    assert jolokia_json.second_of([{"status": 404}]) == 0
    assert not jolokia_json.is_changed({"status": 304})
    assert jolokia_json.is_changed({"status": 403, "error": "search is not allowed"})


@pytest.mark.parametrize("value", [None, 3, "x", []])
def test_values_and_info_refuse_other_forms(value: Any) -> None:
    """A value that should be an object and is not breaks the protocol."""
    reply = {"status": 200, "value": value}
    for read in (jolokia_json.values, jolokia_json.info):
        with pytest.raises(RemoteProtocolError):
            read(reply)
