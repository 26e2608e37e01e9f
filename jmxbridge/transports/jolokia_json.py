"""Requests to a Jolokia agent as JSON, and the values in its replies. No I/O.

One HTTP POST carries a JSON array of requests; the answer is an array of as many replies, in the
same order. Behaviour of agents 1.7 to 2.5, as observed:

- NaN and the infinities are `null`. If an MBean declares the attribute as `double` or `float`, null
  can mean nothing else; if it declares an object (Kafka's gauges), null is ambiguous.
- Longs are JSON numbers and exact. A BigInteger is `{"bigint": "9"}` before 2.5; an ObjectName is
  `{"objectName": "d:a=b"}`; an enum constant is its name; a date is a string, and so is a
  BigDecimal before 2.0. A table is an object by key, while RMI has rows.
- With `ignoreErrors` an attribute that fails does not spoil the others. Its value is then a string,
  `ERROR: why (class Name)`, or from 2.4.3 an object with the key `.error`.
- An agent reports whether MBeans came or went since a second of its own clock (`ifModifiedSince`).
"""

import json
import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from jmxbridge.jmx.errors import ConnectionFailed, RemoteException, RemoteProtocolError
from jmxbridge.jmx.object_name import MalformedObjectName, ObjectName
from jmxbridge.jmx.values import AttributeInfo, Composite, MBeanInfo, Value

JolokiaRequest: TypeAlias = Mapping[str, Any]
JolokiaReply: TypeAlias = Mapping[str, Any]

OPTIONS: Mapping[str, str] = {
    "ignoreErrors": "true",
    "includeStackTrace": "false",
    "canonicalNaming": "false",
    "includeRequest": "false",
}
"""Names stay as they were registered, since ours come from the agent. Stack traces are off: each is
some KiB. From 2.0 the echo of each request is off: it is half of a reply."""

DELEGATE = "JMImplementation:type=MBeanServerDelegate"
"""Every JVM has exactly one, so a search for it costs nothing."""

_NEVER_NULL = ("double", "float")

_OK = 200
_NOT_MODIFIED = 304
_FORBIDDEN = 403  # by the agent's policy, whatever Java class is thrown for it
_GONE = "javax.management.InstanceNotFoundException"
_ERROR = re.compile(r"ERROR: (.*) \(class ([\w.$]+)\)", re.DOTALL)


def search(pattern: ObjectName | None) -> JolokiaRequest:
    """Request the names of MBeans that `pattern` selects, or of all if it is None."""
    return {"type": "search", "mbean": "*:*" if pattern is None else pattern.text}


def list_attributes(name: ObjectName) -> JolokiaRequest:
    """Request the attribute descriptions of an MBean."""
    domain, _, properties = name.text.partition(":")
    return {"type": "list", "path": f"{_escaped(domain)}/{_escaped(properties)}/attr"}


def read(name: ObjectName, attributes: Collection[str]) -> JolokiaRequest:
    """Request values of attributes."""
    return {"type": "read", "mbean": name.text, "attribute": list(attributes)}


def has_changed(since_s: int) -> JolokiaRequest:
    """Request whether MBeans came or went since a second of the agent's clock."""
    return {"type": "search", "mbean": DELEGATE, "config": {"ifModifiedSince": str(since_s)}}


def parse(body: bytes, count: int, url: str) -> list[JolokiaReply]:
    """Return the replies to `count` requests; raises JmxError for an answer that no agent gives."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as exc:
        if body.lstrip()[:1] == b"<":
            raise _not_jolokia(url, "a web page, perhaps a login form") from exc
        raise RemoteProtocolError(f"{url} answered with data that is not JSON") from exc
    if isinstance(answer, dict) and isinstance(answer.get("error"), str):
        raise failure(answer)
    if not isinstance(answer, list) or not all(map(_is_reply, answer)):
        raise _not_jolokia(url, "JSON that no agent would send")
    if len(answer) != count:
        raise RemoteProtocolError(f"{url} answered {len(answer)} of {count} requests")
    return answer


def failure(reply: JolokiaReply) -> RemoteException:
    """Return the exception that the Java side threw for one request."""
    java_class = str(reply.get("error_type") or "java.lang.Exception")
    message = str(reply.get("error") or "").removeprefix(f"{java_class} : ")
    if reply.get("status") == _FORBIDDEN:
        java_class = "java.lang.SecurityException"
    return RemoteException(java_class, message or None)


def names(reply: JolokiaReply) -> list[ObjectName]:
    """Return the names that a search found; raises RemoteException."""
    texts = _value(reply)
    if not isinstance(texts, list):
        raise RemoteProtocolError(f"a search returned {_kind(texts)}, not names")
    try:
        return [ObjectName.parse(text) for text in texts if isinstance(text, str)]
    except MalformedObjectName as exc:
        raise RemoteProtocolError(f"a search returned a malformed name: {exc}") from exc


def info(reply: JolokiaReply) -> MBeanInfo | RemoteException:
    """Return the attributes of an MBean; the reply has nothing else about it."""
    if reply["status"] != _OK:
        return failure(reply)
    attributes = reply.get("value")
    if not isinstance(attributes, dict):
        raise RemoteProtocolError(f"a list of attributes is {_kind(attributes)}")
    return MBeanInfo("", None, tuple(_attribute(name, value) for name, value in attributes.items()))


def never_null(info: MBeanInfo) -> frozenset[str]:
    """Return the attributes whose null means NaN or an infinity."""
    return frozenset(
        attribute.name for attribute in info.attributes if attribute.type in _NEVER_NULL
    )


def values(
    reply: JolokiaReply, never_null: Collection[str] = ()
) -> dict[str, Value] | RemoteException:
    """Return the values that were read; an attribute that failed is left out."""
    if reply["status"] != _OK:
        return failure(reply)
    attributes = reply.get("value")
    if not isinstance(attributes, dict):
        raise RemoteProtocolError(f"attributes that were read are {_kind(attributes)}")
    failures = {
        name: error for name, value in attributes.items() if (error := _attribute_failure(value))
    }
    gone = next((error for error in failures.values() if error.java_class == _GONE), None)
    if gone is not None:
        return gone
    return {
        name: math.nan if value is None and name in never_null else to_value(value)
        for name, value in attributes.items()
        if name not in failures
    }


def values_apart(
    attributes: Iterable[str], replies: Iterator[JolokiaReply]
) -> dict[str, Value] | RemoteException:
    """Return the values of attributes that were read one by one; consumes a reply for each."""
    read: dict[str, Value] = {}
    failed: RemoteException | None = None
    for attribute, reply in zip(attributes, replies, strict=False):  # later replies are not ours
        result = values(reply)
        if not isinstance(result, RemoteException):
            read |= result
        elif is_nan(result):
            read[attribute] = math.nan
        else:
            failed = result
    return failed if failed is not None and not read else read


def is_nan(error: RemoteException) -> bool:
    """Tell whether an agent failed to write a number that JSON cannot express."""
    return error.java_class == "java.lang.NumberFormatException"


def is_changed(reply: JolokiaReply) -> bool:
    """Return the answer to `has_changed`; an agent that does not know answers yes."""
    return bool(reply["status"] != _NOT_MODIFIED)


def second_of(replies: Iterable[JolokiaReply]) -> int:
    """Return a second of the agent's clock that lies before all these replies.

    A reply gets its timestamp a moment after its value was read, and agents count whole seconds.
    """
    timestamps = (reply.get("timestamp") for reply in replies)
    seconds = (timestamp for timestamp in timestamps if isinstance(timestamp, int))
    return min(seconds, default=1) - 1


def to_value(json_value: Any) -> Value:
    """Convert JSON to a value."""
    if isinstance(json_value, dict):
        return _object(json_value)
    if isinstance(json_value, list):
        return tuple(to_value(item) for item in json_value)
    plain: Value = json_value
    return plain


def _object(items: Mapping[str, Any]) -> Value:
    match items:
        case {"objectName": str(text)} if len(items) == 1:
            try:
                return ObjectName.parse(text)
            except MalformedObjectName:
                return text
        case {"bigint": str(digits)} if len(items) == 1 and re.fullmatch(r"-?\d{1,4000}", digits):
            return int(digits)
        case _:
            return Composite({key: to_value(item) for key, item in items.items()})


def _attribute_failure(json_value: Any) -> RemoteException | None:
    if isinstance(json_value, dict) and json_value.get(".error") is True:
        return failure(json_value)
    if isinstance(json_value, str) and json_value.startswith("ERROR: "):
        match = _ERROR.fullmatch(json_value)
        return RemoteException(match[2], match[1]) if match else None
    return None


def _attribute(name: str, json_value: Any) -> AttributeInfo:
    description = json_value if isinstance(json_value, dict) else {}
    return AttributeInfo(
        name=name,
        type=str(description.get("type") or ""),
        description=description.get("desc"),
        readable=description.get("r") is not False,  # agents before 2.3 leave it out
        writable=description.get("rw") is True,
    )


def _value(reply: JolokiaReply) -> Any:
    if reply["status"] != _OK:
        raise failure(reply)
    return reply.get("value")


def _is_reply(json_value: Any) -> bool:
    return isinstance(json_value, dict) and isinstance(json_value.get("status"), int)


def _not_jolokia(url: str, answer: str) -> ConnectionFailed:
    return ConnectionFailed(f"{url} answered with {answer}: is it the agent's path?", "not_jolokia")


def _kind(json_value: Any) -> str:
    return "nothing" if json_value is None else f"a {type(json_value).__name__}"


def _escaped(part: str) -> str:
    """Return a part of a path, in which ! escapes itself and the slash."""
    return part.replace("!", "!!").replace("/", "!/")
