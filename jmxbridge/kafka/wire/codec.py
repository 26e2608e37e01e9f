"""Kafka's requests and replies as bytes, by API and version. kio has the schemas.

Rule: kio is imported here and in `reader` only, and not before the first message: it costs a tenth
of a second, which looking at `--help` must not pay.

A schema belongs to one API in one version. What differs between versions stays here as far as it
can: a value for a field that a version does not have is left out of that version's request.
"""

import importlib
import io
from dataclasses import dataclass
from functools import cache
from typing import Any

from jmxbridge.kafka.wire.errors import ReplyUnreadable, RequestFailed, VersionMismatch
from jmxbridge.kafka.wire.safe_reader import BadReply, reader, skip_tags

CLIENT_ID = "jmxbridge"

NONE = 0
CORRUPT_MESSAGE = 2
UNKNOWN_TOPIC_OR_PARTITION = 3
LEADER_NOT_AVAILABLE = 5
NOT_LEADER_OR_FOLLOWER = 6
REPLICA_NOT_AVAILABLE = 9
NETWORK_EXCEPTION = 13
COORDINATOR_LOAD_IN_PROGRESS = 14
COORDINATOR_NOT_AVAILABLE = 15
NOT_COORDINATOR = 16
TOPIC_AUTHORIZATION_FAILED = 29
GROUP_AUTHORIZATION_FAILED = 30
CLUSTER_AUTHORIZATION_FAILED = 31
UNSUPPORTED_SASL_MECHANISM = 33
ILLEGAL_SASL_STATE = 34
UNSUPPORTED_VERSION = 35
UNSUPPORTED_FOR_MESSAGE_FORMAT = 43
KAFKA_STORAGE_ERROR = 56
GROUP_ID_NOT_FOUND = 69
FENCED_LEADER_EPOCH = 74
UNKNOWN_LEADER_EPOCH = 75
OFFSET_NOT_AVAILABLE = 78


@dataclass(frozen=True, slots=True)
class Api:
    """One of Kafka's APIs: kio's name for it, its key, and the versions we can use."""

    name: str
    key: int
    lowest: int
    highest: int

    def negotiate(self, offered: tuple[int, int] | None) -> int:
        """Return the highest version that both sides have; raises VersionMismatch."""
        if offered is None:
            raise VersionMismatch(f"it does not offer {self.title}")
        version = min(self.highest, offered[1])
        if version < max(self.lowest, offered[0]):
            raise VersionMismatch(
                f"it offers {self.title} versions {offered[0]} to {offered[1]}, "
                f"and jmxbridge has {self.lowest} to {self.highest}"
            )
        return version

    @property
    def title(self) -> str:
        """The API's name as Kafka writes it."""
        return "".join(word.capitalize() for word in self.name.split("_"))


API_VERSIONS = Api("api_versions", 18, 0, 3)
# 0 announces messages without any framing of Kafka's: for brokers before 1.0.
SASL_HANDSHAKE = Api("sasl_handshake", 17, 1, 1)
SASL_AUTHENTICATE = Api("sasl_authenticate", 36, 0, 2)
DESCRIBE_CLUSTER = Api("describe_cluster", 60, 0, 1)
# Below 4 a Metadata request has no way to say that it must not create topics.
METADATA = Api("metadata", 3, 4, 12)
LIST_GROUPS = Api("list_groups", 16, 0, 5)
FIND_COORDINATOR = Api("find_coordinator", 10, 0, 4)
# From 2 on, all commits of a group can be asked for without naming partitions.
OFFSET_FETCH = Api("offset_fetch", 9, 2, 8)
# 0 answers with segment boundaries, not with offsets.
LIST_OFFSETS = Api("list_offsets", 2, 1, 7)
DESCRIBE_GROUPS = Api("describe_groups", 15, 0, 6)
CONSUMER_GROUP_DESCRIBE = Api("consumer_group_describe", 69, 0, 1)
STREAMS_GROUP_DESCRIBE = Api("streams_group_describe", 89, 0, 0)
DESCRIBE_SHARE_GROUP_OFFSETS = Api("describe_share_group_offsets", 90, 0, 1)
DESCRIBE_CONFIGS = Api("describe_configs", 32, 1, 4)


class Schema:
    """The entities of one API in one version."""

    def __init__(self, api: Api, version: int) -> None:
        self.api = api
        self.version = version
        self._requests = _module(f"{api.name}.v{version}.request")
        self._response = _entity(f"{api.name}.v{version}.response", f"{api.title}Response")

    def make(self, entity: str, /, **values: object) -> Any:
        """Make an entity of the request; values this version has no field for are left out."""
        cls = getattr(self._requests, entity)
        known = cls.__dataclass_fields__
        return cls(**{name: value for name, value in values.items() if name in known})

    def encode(self, correlation_id: int, body: Any) -> bytes:
        """Frame a request, length included; raises RequestFailed if a value does not fit."""
        request: Any = type(body)
        header: Any = request.__header_schema__
        buffer = io.BytesIO()
        try:
            _writer(header)(
                buffer,
                header(
                    request_api_key=self.api.key,
                    request_api_version=self.version,
                    correlation_id=correlation_id,
                    client_id=CLIENT_ID,
                ),
            )
            _writer(request)(buffer, body)
        except ValueError as exc:
            raise RequestFailed(f"cannot be sent with {self.api.title}: {exc}") from exc
        message = buffer.getvalue()
        return len(message).to_bytes(4) + message

    def decode(self, message: bytes) -> Any:
        """Read a reply that begins with its correlation id; raises ReplyUnreadable.

        An error code younger than kio is one of the reasons: what it means cannot be guessed.
        """
        response: Any = self._response
        try:
            flexible_header = response.__header_schema__.__flexible__
            offset = skip_tags(message, 4) if flexible_header else 4
            entity, size = reader(self._response)(message, offset)
            if offset + size != len(message):
                extra = len(message) - offset - size
                raise BadReply(f"{extra} bytes are left over")
        except (_serial_error(), ValueError, KeyError, TypeError, OverflowError) as exc:
            what = str(exc) or type(exc).__name__
            raise ReplyUnreadable(
                f"its {self.api.title} reply (version {self.version}) cannot be read: {what}"
            ) from exc
        return entity


@cache
def schema(api: Api, version: int) -> Schema:
    """Return the schema of an API in a version; made once."""
    return Schema(api, version)


def load() -> None:
    """Import what a poll of a current broker needs.

    It takes up to a second, during which no loop may wait and no deadline may run: call it from a
    thread, before the first request.
    """
    for api in (API_VERSIONS, METADATA, LIST_GROUPS, OFFSET_FETCH, LIST_OFFSETS):
        schema(api, api.highest)


def error_name(code: int) -> str:
    """Return Kafka's name for an error code, with the code."""
    errors = importlib.import_module("kio.schema.errors")
    try:
        return f"{errors.ErrorCode(code).name.upper()} ({code})"
    except ValueError:
        return f"error {code}"


def read_assignment(data: bytes) -> tuple[tuple[str, int], ...]:
    """Read the partitions a classic group's leader gave to a member (ConsumerProtocolAssignment).

    The bytes come from another client. Versions above those known begin like the known ones, so
    what follows the partitions is left alone. Raises ReplyUnreadable.
    """
    if not data:
        return ()
    entity = _entity("consumer_protocol_assignment.v0.data", "ConsumerProtocolAssignment")
    try:
        assignment, _ = reader(entity)(data, 2)
    except (_serial_error(), ValueError, OverflowError) as exc:
        what = str(exc) or type(exc).__name__
        raise ReplyUnreadable(f"a member's assignment cannot be read: {what}") from exc
    return tuple((t.topic, int(p)) for t in assignment.assigned_partitions for p in t.partitions)


def _module(path: str) -> Any:
    return importlib.import_module(f"kio.schema.{path}")


def _entity(path: str, name: str) -> type:
    entity: type = getattr(_module(path), name)
    return entity


@cache
def _writer(entity: Any) -> Any:
    return importlib.import_module("kio.serial").entity_writer(entity)


@cache
def _serial_error() -> type[Exception]:
    error: type[Exception] = importlib.import_module("kio.serial.errors").SerialError
    return error
