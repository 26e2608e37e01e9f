"""What agents answer, of every generation, and what it means."""

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
FOUND = st.recursive(PLAIN, lambda each: st.lists(each) | st.dictionaries(NAMES, each))


def back(value: Value) -> Any:
    """Turn what JSON became into JSON again."""
    if isinstance(value, Composite):
        return {name: back(each) for name, each in value.items()}
    return [back(each) for each in value] if isinstance(value, tuple) else value


@given(FOUND)
def test_nothing_of_json_is_lost(found: Any) -> None:
    """Whole numbers keep every digit; objects are composites, arrays tuples, at any depth."""
    assert back(jolokia_json.to_value(json.loads(json.dumps(found)))) == found


@pytest.mark.parametrize(
    ("found", "value"),
    [
        ({"objectName": "d:b=1,a=2"}, ObjectName.parse("d:a=2,b=1")),
        ({"objectName": "not a name"}, "not a name"),
        ({"objectName": "d:a=1", "more": 1}, Composite({"objectName": "d:a=1", "more": 1})),
        ({"bigint": "-123456789012345678901"}, -123456789012345678901),
        ({"bigint": "1e5"}, Composite({"bigint": "1e5"})),
        ({"bigint": "9" * 5000}, Composite({"bigint": "9" * 5000})),
    ],
)
def test_objects_that_stand_for_something(found: Any, value: Value) -> None:
    """ObjectNames and large numbers, where it is one; else it is what it says it is."""
    assert jolokia_json.to_value(found) == value


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
def test_an_attribute_that_failed_is_left_out(failed: Any) -> None:
    """Each generation of agents has its way to say so."""
    reply = {"status": 200, "value": {"a": 1, "x": failed}}
    assert jolokia_json.values(reply) == {"a": 1}


@pytest.mark.parametrize("text", ["ERROR: disk full", "no ERROR: x (class y)", ""])
def test_a_text_is_a_text(text: str) -> None:
    """A word alone does not make an error."""
    assert jolokia_json.values({"status": 200, "value": {"a": text}}) == {"a": text}


def test_an_mbean_that_is_gone_while_errors_are_ignored() -> None:
    """Agents from 2.5 say it of every attribute: it is the MBean that is not there."""
    gone = {"error_type": "javax.management.InstanceNotFoundException", ".error": True}
    found = jolokia_json.values({"status": 200, "value": {"a": {**gone, "error": "d:a=1"}}})
    assert isinstance(found, RemoteException)
    assert found.error_class == "not_found"


@pytest.mark.parametrize("said", ["java.lang.Exception : LIST not allowed", "LIST not allowed"])
def test_what_a_policy_forbids(said: str) -> None:
    """It is a matter of access, whatever class an agent has for it."""
    error = jolokia_json.failure(
        {"status": 403, "error_type": "java.lang.Exception", "error": said}
    )
    assert error.error_class == "access"
    assert error.message == "LIST not allowed"


def test_attributes_read_apart() -> None:
    """Each takes one reply; a failure is all there is only where nothing else was read."""
    nan = {"status": 400, "error_type": "java.lang.NumberFormatException", "error": "N"}
    gone = {"status": 404, "error_type": "javax.management.InstanceNotFoundException", "error": "x"}
    one = {"status": 200, "value": {"b": 1}}
    replies = iter([nan, one, gone, gone, gone, one])
    found = jolokia_json.values_apart("ab", replies)
    assert not isinstance(found, RemoteException)
    assert isinstance(found["a"], float)
    assert math.isnan(found["a"])
    assert found["b"] == 1
    assert isinstance(jolokia_json.values_apart("xyz", replies), RemoteException)
    assert next(replies) is one


def test_names_in_a_path() -> None:
    """A slash in a name, and what escapes it, are escaped."""
    request = jolokia_json.list_attributes(ObjectName.parse("a/b:type=c!/d,name=e"))
    assert request == {"type": "list", "path": "a!/b/type=c!!!/d,name=e/attr"}


def test_what_is_known_of_changes_is_older_than_the_answer() -> None:
    """The second before the first that any answer is dated; none given: everything is news."""
    assert jolokia_json.second_of([{"timestamp": 12}, {"timestamp": 10}, {"status": 404}]) == 9
    assert jolokia_json.second_of([{"status": 404}]) == 0
    assert not jolokia_json.is_changed({"status": 304})
    assert jolokia_json.is_changed({"status": 403, "error": "search is not allowed"})


@pytest.mark.parametrize("value", [None, 3, "x", []])
def test_an_answer_of_another_form(value: Any) -> None:
    """What should be an object and is not breaks the protocol, and is said so."""
    reply = {"status": 200, "value": value}
    for read in (jolokia_json.values, jolokia_json.info):
        with pytest.raises(RemoteProtocolError):
            read(reply)
