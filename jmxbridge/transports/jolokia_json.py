"""What is asked of a Jolokia agent, and what its answers mean. No I/O.

One HTTP POST carries a JSON array of requests; the answer is an array of as many replies, in that
order. What agents of 1.7 to 2.5 do, as they did it to us:

- NaN and the infinities are `null`. Where an MBean declares the attribute `double` or `float`,
  null can be nothing else; where it declares an object (Kafka's gauges), nobody can tell.
- Longs are JSON numbers and exact. BigInteger is `{"bigint": "9"}` before 2.5; an ObjectName is
  `{"objectName": "d:a=b"}`; an enum constant is its name; a date, and before 2.0 a BigDecimal, a
  text. A table is an object by key, where RMI has rows.
- With `ignoreErrors` an attribute that fails does not spoil the others. Its value is then the text
  `ERROR: why (class Name)`, or from 2.4.3 an object with the key `.error`.
- An agent tells whether MBeans came or went since a second of its own clock (`ifModifiedSince`).
"""

import json
import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from jmxbridge.jmx.errors import ConnectionFailed, RemoteException, RemoteProtocolError
from jmxbridge.jmx.object_name import MalformedObjectName, ObjectName
from jmxbridge.jmx.values import AttributeInfo, Composite, MBeanInfo, Value

Request: TypeAlias = Mapping[str, Any]
Reply: TypeAlias = Mapping[str, Any]

# Names as they were registered, for ours come from the agent; no traces, which are KiB an MBean;
# and, from 2.0, no echo of each request, which is half of a reply.
OPTIONS: Mapping[str, str] = {
    "ignoreErrors": "true",
    "includeStackTrace": "false",
    "canonicalNaming": "false",
    "includeRequest": "false",
}
# Every JVM has it, and no more than one: to search for it costs nothing.
DELEGATE = "JMImplementation:type=MBeanServerDelegate"
_NEVER_NULL = ("double", "float")

_FOUND = 200
_NOT_MODIFIED = 304
_FORBIDDEN = 403  # by the agent's policy, whatever Java class that is thrown as
_GONE = "javax.management.InstanceNotFoundException"
_ERROR = re.compile(r"ERROR: (.*) \(class ([\w.$]+)\)", re.DOTALL)


def search(pattern: ObjectName | None) -> Request:
    """Ask for the names of MBeans; of all where `pattern` is None."""
    return {"type": "search", "mbean": "*:*" if pattern is None else pattern.text}


def list_attributes(name: ObjectName) -> Request:
    """Ask what an MBean says about its attributes."""
    domain, _, properties = name.text.partition(":")
    return {"type": "list", "path": f"{_escaped(domain)}/{_escaped(properties)}/attr"}


def read(name: ObjectName, attributes: Collection[str]) -> Request:
    """Ask for values of attributes."""
    return {"type": "read", "mbean": name.text, "attribute": list(attributes)}


def has_changed(since_s: int) -> Request:
    """Ask whether MBeans came or went since a second of the agent's clock."""
    return {"type": "search", "mbean": DELEGATE, "config": {"ifModifiedSince": str(since_s)}}


def parse(body: bytes, count: int, url: str) -> list[Reply]:
    """Return the replies to `count` requests; raises JmxError for what no agent answers."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as exc:
        if body.lstrip()[:1] == b"<":
            raise _not_jolokia(url, "a web page, for people to log in perhaps") from exc
        raise RemoteProtocolError(f"{url} answered with what is not JSON") from exc
    if isinstance(answer, dict) and isinstance(answer.get("error"), str):
        raise failure(answer)
    if not isinstance(answer, list) or not all(map(_is_reply, answer)):
        raise _not_jolokia(url, "JSON that no agent would send")
    if len(answer) != count:
        raise RemoteProtocolError(f"{url} answered {len(answer)} of {count} requests")
    return answer


def failure(reply: Reply) -> RemoteException:
    """Return what the Java side threw for one request."""
    java_class = str(reply.get("error_type") or "java.lang.Exception")
    message = str(reply.get("error") or "").removeprefix(f"{java_class} : ")
    if reply.get("status") == _FORBIDDEN:
        java_class = "java.lang.SecurityException"
    return RemoteException(java_class, message or None)


def names(reply: Reply) -> list[ObjectName]:
    """Return the names that a search found; raises RemoteException."""
    found = _value(reply)
    if not isinstance(found, list):
        raise RemoteProtocolError(f"a search found {_kind(found)}, not names")
    try:
        return [ObjectName.parse(each) for each in found if isinstance(each, str)]
    except MalformedObjectName as exc:
        raise RemoteProtocolError(f"a search found what is no name: {exc}") from exc


def info(reply: Reply) -> MBeanInfo | RemoteException:
    """Return the attributes of an MBean; nothing else of it was asked for."""
    if reply["status"] != _FOUND:
        return failure(reply)
    found = reply.get("value")
    if not isinstance(found, dict):
        raise RemoteProtocolError(f"a list of attributes is {_kind(found)}")
    return MBeanInfo("", None, tuple(_attribute(name, each) for name, each in found.items()))


def never_null(info: MBeanInfo) -> frozenset[str]:
    """Return the attributes whose null is NaN, or one of the infinities."""
    return frozenset(each.name for each in info.attributes if each.type in _NEVER_NULL)


def values(reply: Reply, never_null: Collection[str] = ()) -> dict[str, Value] | RemoteException:
    """Return the values that were read; an attribute that failed is left out."""
    if reply["status"] != _FOUND:
        return failure(reply)
    found = reply.get("value")
    if not isinstance(found, dict):
        raise RemoteProtocolError(f"attributes that were read are {_kind(found)}")
    failures = {name: why for name, each in found.items() if (why := _attribute_failure(each))}
    gone = next((why for why in failures.values() if why.java_class == _GONE), None)
    if gone is not None:
        return gone
    return {
        name: math.nan if each is None and name in never_null else to_value(each)
        for name, each in found.items()
        if name not in failures
    }


def values_apart(
    attributes: Iterable[str], replies: Iterator[Reply]
) -> dict[str, Value] | RemoteException:
    """Return the values of attributes that were read one by one; takes a reply for each."""
    found: dict[str, Value] = {}
    failed: RemoteException | None = None
    for attribute, reply in zip(attributes, replies, strict=False):  # later ones are not ours
        value = values(reply)
        if not isinstance(value, RemoteException):
            found |= value
        elif is_nan(value):
            found[attribute] = math.nan
        else:
            failed = value
    return failed if failed is not None and not found else found


def is_nan(error: RemoteException) -> bool:
    """Tell whether an agent failed to write a number that JSON does not have."""
    return error.java_class == "java.lang.NumberFormatException"


def is_changed(reply: Reply) -> bool:
    """Tell what `has_changed` was answered; an agent that does not know says yes."""
    return bool(reply["status"] != _NOT_MODIFIED)


def second_of(replies: Iterable[Reply]) -> int:
    """Return a second of the agent's clock before which all this was found.

    An answer is dated after it was found, at the most a moment; a second is what agents count in.
    """
    dated = (each.get("timestamp") for each in replies)
    return min((each for each in dated if isinstance(each, int)), default=1) - 1


def to_value(found: Any) -> Value:
    """Turn JSON into a value."""
    if isinstance(found, dict):
        return _object(found)
    if isinstance(found, list):
        return tuple(to_value(each) for each in found)
    plain: Value = found
    return plain


def _object(found: Mapping[str, Any]) -> Value:
    match found:
        case {"objectName": str(text)} if len(found) == 1:
            try:
                return ObjectName.parse(text)
            except MalformedObjectName:
                return text
        case {"bigint": str(digits)} if len(found) == 1 and re.fullmatch(r"-?\d{1,4000}", digits):
            return int(digits)
        case _:
            return Composite({key: to_value(each) for key, each in found.items()})


def _attribute_failure(found: Any) -> RemoteException | None:
    if isinstance(found, dict) and found.get(".error") is True:
        return failure(found)
    if isinstance(found, str) and found.startswith("ERROR: "):
        match = _ERROR.fullmatch(found)
        return RemoteException(match[2], match[1]) if match else None
    return None


def _attribute(name: str, found: Any) -> AttributeInfo:
    said = found if isinstance(found, dict) else {}
    return AttributeInfo(
        name=name,
        type=str(said.get("type") or ""),
        description=said.get("desc"),
        readable=said.get("r") is not False,  # agents before 2.3 do not say
        writable=said.get("rw") is True,
    )


def _value(reply: Reply) -> Any:
    if reply["status"] != _FOUND:
        raise failure(reply)
    return reply.get("value")


def _is_reply(found: Any) -> bool:
    return isinstance(found, dict) and isinstance(found.get("status"), int)


def _not_jolokia(url: str, what: str) -> ConnectionFailed:
    return ConnectionFailed(f"{url} answered with {what}: is it an agent's path?", "not_jolokia")


def _kind(found: Any) -> str:
    return "nothing" if found is None else f"a {type(found).__name__}"


def _escaped(part: str) -> str:
    """Write a part of a path, where ! escapes itself and the slash."""
    return part.replace("!", "!!").replace("/", "!/")
