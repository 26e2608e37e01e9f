"""The calls this client can make: what each sends, and what its answer becomes.

Rule: reading only. There is no call here that sets, invokes or creates anything, except `newClient`
(our own connection object in the target) and `close` of it.
"""

import hashlib
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeAlias, TypeVar

from jmxbridge.jmx import modified_utf8
from jmxbridge.jmx.credentials import Credentials
from jmxbridge.jmx.errors import RemoteProtocolError
from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.rmi import jrmp
from jmxbridge.jmx.rmi.mbean_info import mbean_info
from jmxbridge.jmx.rmi.repeats import Repeats
from jmxbridge.jmx.rmi.stub import RemoteRef, remote_ref
from jmxbridge.jmx.rmi.template import Pool, Recent
from jmxbridge.jmx.serialization import encoder
from jmxbridge.jmx.serialization.known_classes import KnownClasses
from jmxbridge.jmx.serialization.unwrap import BOXES, UNWRAPS
from jmxbridge.jmx.values import MAX_DEPTH, Composite, JavaObject, MBeanInfo, Value, has_at_most

T = TypeVar("T")
Wanted: TypeAlias = Sequence[tuple[ObjectName, Sequence[str]]]
"""Names of MBeans, and attributes of each."""

# `lookup` of the RMI registry, the only one by number: of its interface's table, and its hash.
_LOOKUP_OPERATION = 2
_LOOKUP_INTERFACE_HASH = 4905912898345647071

# 60,000 requests of 550 bytes: a broker of 6,000 partitions. Beyond that they are built anew.
MAX_KEPT_BYTES = 32 << 20

# As many as one reply may spell out (Limits.elements): parts that are named again count again, for
# whoever shows or copies a value meets them again.
MAX_PARTS = 1 << 20

_NAME = "Ljavax/management/ObjectName;"
_SUBJECT = "Ljavax/security/auth/Subject;"


class Habit(Protocol[T]):
    """What answers to a call are like, as far as it was made before.

    `size` is that of the last one in bytes, or 0.
    """

    size: int

    def read(self, buf: bytes, pos: int) -> T | None:
        """Return the outcome of the reply at `pos`, `size` bytes; None where it is unlike others.

        Never another outcome than that of decoding the reply.
        """

    def learn(self, raw: bytes, outcome: T) -> None:
        """Learn from a reply that was decoded."""


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A request and how to read its answer; `read` raises RemoteProtocolError if it is not one."""

    name: str
    request: bytes = field(repr=False)  # it may hold a password
    read: Callable[[Value], T]
    is_void: bool = False
    habit: Habit[T] | None = None  # where it is made again and again


def method_hash(signature: str) -> int:
    """Return the hash by which RMI calls a method, of its name and descriptor (JRMP, 10.3)."""
    raw = modified_utf8.encode(signature)
    digest = hashlib.sha1(struct.pack(">H", len(raw)) + raw, usedforsecurity=False).digest()
    value: int = struct.unpack("<q", digest[:8])[0]
    return value


NEW_CLIENT = method_hash("newClient(Ljava/lang/Object;)Ljavax/management/remote/rmi/RMIConnection;")
QUERY_NAMES = method_hash(
    f"queryNames({_NAME}Ljava/rmi/MarshalledObject;{_SUBJECT})Ljava/util/Set;"
)
GET_MBEAN_INFO = method_hash(f"getMBeanInfo({_NAME}{_SUBJECT})Ljavax/management/MBeanInfo;")
GET_ATTRIBUTES = method_hash(
    f"getAttributes({_NAME}[Ljava/lang/String;{_SUBJECT})Ljavax/management/AttributeList;"
)
GET_MBEAN_COUNT = method_hash(f"getMBeanCount({_SUBJECT})Ljava/lang/Integer;")
GET_DEFAULT_DOMAIN = method_hash(f"getDefaultDomain({_SUBJECT})Ljava/lang/String;")
CLOSE = method_hash("close()V")


def lookup(name: str) -> Call[RemoteRef]:
    """Ask a registry for what is bound to `name`."""
    return Call(
        "lookup",
        jrmp.call(
            jrmp.REGISTRY_ID, _LOOKUP_OPERATION, _LOOKUP_INTERFACE_HASH, encoder.string(name)
        ),
        remote_ref,
    )


def new_client(server: RemoteRef, credentials: Credentials | None = None) -> Call[RemoteRef]:
    """Ask a JMX server for a connection; credentials go as a JVM's own authenticator wants them."""
    who = encoder.NULL
    if credentials is not None:
        who = encoder.string_array((credentials.username, credentials.password))
    request = jrmp.call(server.object_id, jrmp.METHOD_BY_HASH, NEW_CLIENT, who)
    return Call("newClient", request, remote_ref)


def query_names(connection: RemoteRef, pattern: ObjectName | None) -> Call[list[ObjectName]]:
    """Ask for the names of MBeans that match `pattern`; of all where it is None."""
    name = encoder.NULL if pattern is None else encoder.object_name(pattern)
    request = _of(connection, QUERY_NAMES, name, encoder.NULL, encoder.NULL)
    return Call("queryNames", request, _names)


def get_mbean_info(
    connection: RemoteRef, name: ObjectName, repeats: Repeats[MBeanInfo] | None = None
) -> Call[MBeanInfo]:
    """Ask what an MBean says about itself; MBeans of one class say the same, byte for byte."""
    request = _of(connection, GET_MBEAN_INFO, encoder.object_name(name), encoder.NULL)
    return Call("getMBeanInfo", request, mbean_info, habit=repeats)


def get_attributes(
    connection: RemoteRef,
    name: ObjectName,
    attributes: Sequence[str],
    habit: Habit[dict[str, Value]] | None = None,
) -> Call[dict[str, Value]]:
    """Ask for values of attributes of one MBean; those that fail are left out of the answer."""
    names = encoder.string_array(attributes)
    request = _of(connection, GET_ATTRIBUTES, encoder.object_name(name), names, encoder.NULL)
    return Call("getAttributes", request, _attributes, habit=habit)


class AttributeCalls:
    """`get_attributes`, with what was built once kept: a poll asks for the same again and again."""

    def __init__(self, connection: RemoteRef) -> None:
        self._connection = connection
        self._kept: dict[tuple[ObjectName, tuple[str, ...]], Call[dict[str, Value]]] = {}
        self._bytes = 0
        self._pool = Pool(KnownClasses(UNWRAPS, BOXES))
        self._last: tuple[Wanted, Sequence[Call[dict[str, Value]]]] = ((), ())

    def all(self, wanted: Wanted) -> Sequence[Call[dict[str, Value]]]:
        """Return the call for each name and its attributes; for the last tuple at once."""
        if wanted is not self._last[0]:
            made = tuple(self.call(name, attributes) for name, attributes in wanted)
            if not isinstance(wanted, tuple):  # what can change is not remembered
                return made
            self._last = wanted, made
        return self._last[1]

    def call(self, name: ObjectName, attributes: Sequence[str]) -> Call[dict[str, Value]]:
        """Return the call for values of `attributes` of `name`."""
        key = (name, tuple(attributes))
        call = self._kept.get(key)
        if call is None:
            habit = Recent(self._pool.shapes(key[1]))
            call = get_attributes(self._connection, name, attributes, habit)
            self._kept[key] = call
            self._bytes += len(call.request)
            if self._bytes > MAX_KEPT_BYTES:
                self._kept.clear()
                self._bytes = 0
                self._pool = Pool(KnownClasses(UNWRAPS, BOXES))
        return call


def get_mbean_count(connection: RemoteRef) -> Call[int]:
    """Ask how many MBeans there are: where that has changed, names have."""
    return Call("getMBeanCount", _of(connection, GET_MBEAN_COUNT, encoder.NULL), _integer)


def get_default_domain(connection: RemoteRef) -> Call[str]:
    """Ask for the default domain: the cheapest call that counts as a sign of life."""
    return Call("getDefaultDomain", _of(connection, GET_DEFAULT_DOMAIN, encoder.NULL), _string)


def close(connection: RemoteRef) -> Call[None]:
    """Tell the server that its connection object can go."""
    return Call("close", _of(connection, CLOSE), _nothing, is_void=True)


def _of(connection: RemoteRef, method: int, *arguments: bytes) -> bytes:
    return jrmp.call(connection.object_id, jrmp.METHOD_BY_HASH, method, *arguments)


def _names(value: Value) -> list[ObjectName]:
    if not isinstance(value, tuple):
        raise _not_an_answer("queryNames", value)
    names = []
    for name in value:
        if not isinstance(name, ObjectName):
            raise _not_an_answer("queryNames", name)
        names.append(name)
    return names


def _attributes(value: Value) -> dict[str, Value]:
    if not isinstance(value, Composite):
        raise _not_an_answer("getAttributes", value)
    if not has_at_most(MAX_PARTS, value.items_by_name.values()):
        raise RemoteProtocolError(
            f"getAttributes was answered with values of more than {MAX_PARTS} parts, or nested more"
            f" than {MAX_DEPTH} deep"
        )
    return dict(value.items_by_name)


def _string(value: Value) -> str:
    if not isinstance(value, str):
        raise _not_an_answer("getDefaultDomain", value)
    return value


def _integer(value: Value) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _not_an_answer("getMBeanCount", value)
    return value


def _nothing(value: Value) -> None:
    return None


def _not_an_answer(call: str, value: Value) -> RemoteProtocolError:
    got = value.class_name if isinstance(value, JavaObject) else type(value).__name__
    return RemoteProtocolError(f"{call} was answered with {got}")
