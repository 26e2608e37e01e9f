"""The remote calls of this client: the request of each, and the reader of its reply.

Rule: read only. No call sets, invokes or creates anything, except `newClient`, which makes our own
connection object in the target, and `close`, which ends it.
"""

import hashlib
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar

from jmxbridge.jmx import modified_utf8
from jmxbridge.jmx.credentials import Credentials
from jmxbridge.jmx.errors import RemoteProtocolError
from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.rmi import jrmp
from jmxbridge.jmx.rmi.mbean_info import mbean_info
from jmxbridge.jmx.rmi.stub import RemoteRef, remote_ref
from jmxbridge.jmx.rmi.template import ReplyTemplate
from jmxbridge.jmx.rmi.template_pool import AttributeTemplate, TemplatePool
from jmxbridge.jmx.serialization import encoder
from jmxbridge.jmx.serialization.known_classes import KnownClasses
from jmxbridge.jmx.serialization.unwrap import BOXES, UNWRAPS
from jmxbridge.jmx.values import MAX_DEPTH, Composite, JavaObject, MBeanInfo, Value, has_at_most

T = TypeVar("T")
AttributeRequests: TypeAlias = Sequence[tuple[ObjectName, Sequence[str]]]
"""Names of MBeans, each with the attributes to read."""

# `lookup` of the RMI registry, the only call by number: the number, and the interface's hash.
_LOOKUP_OPERATION = 2
_LOOKUP_INTERFACE_HASH = 4905912898345647071

# 60,000 requests of 550 bytes: a broker of 6,000 partitions. Beyond that the cache is emptied.
MAX_CACHED_BYTES = 32 << 20

# As many as a reply may contain (Limits.elements). A part that is referred to again counts again,
# because code that prints or copies the value visits it again.
MAX_PARTS = 1 << 20

_NAME = "Ljavax/management/ObjectName;"
_SUBJECT = "Ljavax/security/auth/Subject;"


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A request, and the reader of its reply.

    `read` turns the reply's value into the result; it raises RemoteProtocolError if the value is
    not of the expected type. `template` is set for calls that are repeated.
    """

    name: str
    request: bytes = field(repr=False)  # it may hold a password
    read: Callable[[Value], T]
    is_void: bool = False
    template: ReplyTemplate[T] | None = None


def method_hash(signature: str) -> int:
    """Return the hash that selects a method: of its name and descriptor (JRMP, section 10.3)."""
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
    """Look up the stub that is bound to `name` in a registry."""
    return Call(
        "lookup",
        jrmp.call(
            jrmp.REGISTRY_ID, _LOOKUP_OPERATION, _LOOKUP_INTERFACE_HASH, encoder.string(name)
        ),
        remote_ref,
    )


def new_client(server: RemoteRef, credentials: Credentials | None = None) -> Call[RemoteRef]:
    """Open a connection object; credentials are in the form that a JVM's authenticator expects."""
    argument = encoder.NULL
    if credentials is not None:
        argument = encoder.string_array((credentials.username, credentials.password))
    request = jrmp.call(server.object_id, jrmp.METHOD_BY_HASH, NEW_CLIENT, argument)
    return Call("newClient", request, remote_ref)


def query_names(connection: RemoteRef, pattern: ObjectName | None) -> Call[list[ObjectName]]:
    """Query the names of MBeans that match `pattern`, or all names."""
    name = encoder.NULL if pattern is None else encoder.object_name(pattern)
    request = _request(connection, QUERY_NAMES, name, encoder.NULL, encoder.NULL)
    return Call("queryNames", request, _names)


def get_mbean_info(
    connection: RemoteRef, name: ObjectName, template: ReplyTemplate[MBeanInfo] | None = None
) -> Call[MBeanInfo]:
    """Get the description of an MBean; it is the same bytes for all MBeans of a class."""
    request = _request(connection, GET_MBEAN_INFO, encoder.object_name(name), encoder.NULL)
    return Call("getMBeanInfo", request, mbean_info, template=template)


def get_attributes(
    connection: RemoteRef,
    name: ObjectName,
    attributes: Sequence[str],
    template: ReplyTemplate[dict[str, Value]] | None = None,
) -> Call[dict[str, Value]]:
    """Get attributes of one MBean; the server leaves out attributes that fail."""
    names = encoder.string_array(attributes)
    request = _request(connection, GET_ATTRIBUTES, encoder.object_name(name), names, encoder.NULL)
    return Call("getAttributes", request, _attributes, template=template)


class AttributeCalls:
    """Cache of `get_attributes` calls: every poll makes the same calls again."""

    def __init__(self, connection: RemoteRef) -> None:
        self._connection = connection
        self._cache: dict[tuple[ObjectName, tuple[str, ...]], Call[dict[str, Value]]] = {}
        self._cached_bytes = 0
        self._templates = TemplatePool(KnownClasses(UNWRAPS, BOXES))
        self._last: tuple[AttributeRequests, Sequence[Call[dict[str, Value]]]] = ((), ())

    def all(self, requests: AttributeRequests) -> Sequence[Call[dict[str, Value]]]:
        """Return the calls for `requests`, in order.

        The result for the last tuple is cached; other sequences may change, so they are not.
        """
        if requests is not self._last[0]:
            calls = tuple(self.call(name, attributes) for name, attributes in requests)
            if not isinstance(requests, tuple):
                return calls
            self._last = requests, calls
        return self._last[1]

    def call(self, name: ObjectName, attributes: Sequence[str]) -> Call[dict[str, Value]]:
        """Return the call for `attributes` of `name`."""
        key = (name, tuple(attributes))
        call = self._cache.get(key)
        if call is None:
            template = AttributeTemplate(self._templates.group(key[1]))
            call = get_attributes(self._connection, name, attributes, template)
            self._cache[key] = call
            self._cached_bytes += len(call.request)
            if self._cached_bytes > MAX_CACHED_BYTES:
                self._cache.clear()
                self._cached_bytes = 0
                self._templates = TemplatePool(KnownClasses(UNWRAPS, BOXES))
        return call


def get_mbean_count(connection: RemoteRef) -> Call[int]:
    """Get the number of MBeans; if it changed, names changed."""
    return Call("getMBeanCount", _request(connection, GET_MBEAN_COUNT, encoder.NULL), _integer)


def get_default_domain(connection: RemoteRef) -> Call[str]:
    """Get the default domain: the cheapest call that resets the server's idle timeout."""
    return Call("getDefaultDomain", _request(connection, GET_DEFAULT_DOMAIN, encoder.NULL), _string)


def close(connection: RemoteRef) -> Call[None]:
    """Close the connection object in the server."""
    return Call("close", _request(connection, CLOSE), _nothing, is_void=True)


def _request(connection: RemoteRef, method: int, *arguments: bytes) -> bytes:
    return jrmp.call(connection.object_id, jrmp.METHOD_BY_HASH, method, *arguments)


def _names(value: Value) -> list[ObjectName]:
    if not isinstance(value, tuple):
        raise _unexpected("queryNames", value)
    names = []
    for name in value:
        if not isinstance(name, ObjectName):
            raise _unexpected("queryNames", name)
        names.append(name)
    return names


def _attributes(value: Value) -> dict[str, Value]:
    if not isinstance(value, Composite):
        raise _unexpected("getAttributes", value)
    if not has_at_most(MAX_PARTS, value.items_by_name.values()):
        raise RemoteProtocolError(
            f"getAttributes was answered with values of more than {MAX_PARTS} parts, or nested more"
            f" than {MAX_DEPTH} deep"
        )
    return dict(value.items_by_name)


def _string(value: Value) -> str:
    if not isinstance(value, str):
        raise _unexpected("getDefaultDomain", value)
    return value


def _integer(value: Value) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _unexpected("getMBeanCount", value)
    return value


def _nothing(value: Value) -> None:
    return None


def _unexpected(call: str, value: Value) -> RemoteProtocolError:
    got = value.class_name if isinstance(value, JavaObject) else type(value).__name__
    return RemoteProtocolError(f"{call} was answered with {got}")
