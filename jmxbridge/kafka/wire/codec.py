"""Kafka's requests and replies as bytes, by API and version; kio has the schemas.

Rule: this package imports kio inside functions, never before the first message: it costs a tenth of
a second, which `--help` must not pay.

A schema belongs to one API in one version. What differs between versions stays here as far as it
can: a value for a field that a version does not have is left out of that version's request.
"""

import importlib
import io
from abc import ABC, abstractmethod
from datetime import timedelta
from functools import cache
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from jmxbridge.kafka.facts.throttling import CLIENT_ID
from jmxbridge.kafka.wire.api_numbers import (
    API_VERSIONS,
    LIST_GROUPS,
    LIST_OFFSETS,
    METADATA,
    OFFSET_FETCH,
    Api,
)
from jmxbridge.kafka.wire.errors import ReplyUnreadable, RequestFailed
from jmxbridge.kafka.wire.safe_reader import BadReply, read, skip_tags

T = TypeVar("T")

_MILLISECOND = timedelta(milliseconds=1)


class Decoded(NamedTuple, Generic[T]):
    """An answer, and for how long the broker throttles us because of a quota (KIP-219)."""

    answer: T
    throttle_ms: int


class Schema:
    """The entities of one API in one version."""

    def __init__(self, api: Api, version: int) -> None:
        self.version = version
        self._requests = _module(f"{api.name}.v{version}.request")
        response = _module(f"{api.name}.v{version}.response")
        self.response: Any = getattr(response, f"{api.title}Response")

    def make(self, entity: str, /, **values: object) -> Any:
        """Make an entity of the request; values this version has no field for are left out."""
        cls = getattr(self._requests, entity)
        known = cls.__dataclass_fields__
        return cls(**{name: value for name, value in values.items() if name in known})


class KafkaRequest(ABC, Generic[T]):
    """A request and the type of its answer; the connection chooses the version."""

    api: ClassVar[Api]

    @abstractmethod
    def body(self, schema: Schema) -> Any:
        """Return the request's entity in this schema."""

    @abstractmethod
    def reply(self, entity: Any) -> T:
        """Return the content of a reply entity of the same schema as plain values."""


def encode(request: KafkaRequest[Any], version: int, correlation_id: int) -> bytes:
    """Frame a request, length included; raises RequestFailed if a value does not fit."""
    body = request.body(_schema(request.api, version))
    entity: Any = type(body)
    header: Any = entity.__header_schema__
    buffer = io.BytesIO()
    try:
        _writer(header)(
            buffer,
            header(
                request_api_key=request.api.number,
                request_api_version=version,
                correlation_id=correlation_id,
                client_id=CLIENT_ID,
            ),
        )
        _writer(entity)(buffer, body)
    except ValueError as exc:
        raise RequestFailed(f"cannot be sent with {request.api.title}: {exc}") from exc
    message = buffer.getvalue()
    return len(message).to_bytes(4) + message


def decode(request: KafkaRequest[T], version: int, message: bytes) -> Decoded[T]:
    """Return the answer in a message that begins with its correlation id; raises ReplyUnreadable.

    An error code younger than kio is one of the reasons: what it means cannot be guessed.
    """
    response = _schema(request.api, version).response
    try:
        offset = skip_tags(message, 4) if response.__header_schema__.__flexible__ else 4
        entity, size = read(response, message, offset)
        if offset + size != len(message):
            raise BadReply(f"{len(message) - offset - size} bytes are left over")
    except BadReply as exc:
        raise ReplyUnreadable(
            f"its {request.api.title} reply (version {version}) cannot be read: {exc}"
        ) from exc
    throttle: timedelta = getattr(entity, "throttle_time", timedelta())
    return Decoded(request.reply(entity), throttle // _MILLISECOND)


def load() -> None:
    """Import what a poll of a current broker needs.

    It takes up to a second, during which no loop may wait and no deadline may run: call it from a
    thread, before the first request.
    """
    for api in (API_VERSIONS, METADATA, LIST_GROUPS, OFFSET_FETCH, LIST_OFFSETS):
        _schema(api, api.highest)


@cache
def _schema(api: Api, version: int) -> Schema:
    return Schema(api, version)


def _module(path: str) -> Any:
    return importlib.import_module(f"kio.schema.{path}")


@cache
def _writer(entity: Any) -> Any:
    return importlib.import_module("kio.serial").entity_writer(entity)
