"""safe_reader: equal to kio on good bytes, an exception (and nothing worse) on bad ones."""

import dataclasses
import importlib
import io
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kio.schema.errors import ErrorCode
from kio.serial import entity_reader, entity_writer
from kio.serial.errors import SerialError

from jmxbridge.kafka.wire.safe_reader import BadReply, reader, skip_tags
from tests.kafka.fake_answers import Asked, Group, HealthyBroker, Replies, World

READABLE = (SerialError, ValueError, KeyError, TypeError, OverflowError)
HUGE = {True: b"\xff\xff\xff\xff\x07", False: b"\x7f\xff\xff\xff"}
"""2**31 - 1 elements (less one where 0 stands for null), flexible and not."""


def written(entity: Any) -> bytes:
    """The bytes kio writes."""
    buffer = io.BytesIO()
    entity_writer(type(entity))(buffer, entity)
    return buffer.getvalue()


def arrays(value: Any) -> int:
    """How many arrays an entity holds, at any depth."""
    if isinstance(value, tuple):
        return 1 + sum(map(arrays, value))
    if dataclasses.is_dataclass(value):
        return sum(arrays(getattr(value, f.name)) for f in dataclasses.fields(value))
    return 0


def offset_fetch(version: int) -> Any:
    """A reply with several groups, topics and partitions."""
    make = Replies("offset_fetch", version).make
    plural = "s" if version >= 8 else ""
    topics = tuple(
        make(
            f"OffsetFetchResponseTopic{plural}",
            name=name,
            partitions=tuple(
                make(
                    f"OffsetFetchResponsePartition{plural}",
                    partition_index=index,
                    committed_offset=2**40 + index,
                    metadata="m" * index,
                    error_code=0,
                )
                for index in range(3)
            ),
        )
        for name in ("orders", "bills")
    )
    if version < 8:
        return make("OffsetFetchResponse", topics=topics, error_code=0)
    groups = tuple(
        make("OffsetFetchResponseGroup", group_id=group, topics=topics, error_code=0)
        for group in ("a", "b")
    )
    return make("OffsetFetchResponse", groups=groups)


def metadata(version: int) -> Any:
    """A reply whose partitions hold arrays themselves."""
    make = Replies("metadata", version).make
    partition = make(
        "MetadataResponsePartition",
        error_code=0,
        partition_index=0,
        leader_id=1,
        replica_nodes=(1, 2, 3),
        isr_nodes=(1,),
    )
    topic = make(
        "MetadataResponseTopic", error_code=0, name="t", topic_id=None, partitions=(partition,) * 2
    )
    broker = make("MetadataResponseBroker", node_id=1, host="h", port=9092)
    return make("MetadataResponse", brokers=(broker,), topics=(topic,))


def streams_group(*, has_topology: bool) -> Any:
    """A reply with an entity that may be null, and holds arrays where it is not."""
    world = World({})
    world.groups["g"] = Group({}, members=[("app", {"x": [0, 1]}), ("other", {"x": [2]})])
    asked = Asked(
        broker=1,
        api="streams_group_describe",
        version=0,
        entity=SimpleNamespace(group_ids=("g",)),
        schema=Replies("streams_group_describe", 0),
    )
    reply = HealthyBroker(world, 1).answer_streams_group_describe(asked)
    if has_topology:
        return reply
    groups = tuple(dataclasses.replace(group, topology=None) for group in reply.groups)
    return dataclasses.replace(reply, groups=groups)


ENTITIES = [
    *(offset_fetch(v) for v in (2, 5, 6, 7, 8)),
    *(metadata(v) for v in (4, 9, 12)),
    *(streams_group(has_topology=has) for has in (True, False)),
]


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda e: f"{type(e).__name__}-{e.__version__}")
def test_reader_returns_what_kio_returns(entity: Any) -> None:
    """The same entity and number of bytes, whatever bytes follow."""
    wire = written(entity)

    assert reader(type(entity))(wire + b"\xac\xed", 0) == (entity, len(wire))
    assert entity_reader(type(entity))(wire, 0) == (entity, len(wire))


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda e: f"{type(e).__name__}-{e.__version__}")
def test_reader_raises_for_every_truncation(entity: Any) -> None:
    """No prefix of a reply is a reply."""
    wire = written(entity)
    for size in range(len(wire)):
        with pytest.raises(READABLE):
            reader(type(entity))(wire[:size], 0)


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda e: f"{type(e).__name__}-{e.__version__}")
def test_reader_refuses_an_array_of_two_billion_at_every_offset(entity: Any) -> None:
    """kio alone would ask for 16 GiB, and abort the process."""
    wire = written(entity)
    huge = HUGE[bool(entity.__flexible__)]
    refused = 0
    for offset in range(len(wire)):
        try:
            reader(type(entity))(wire[:offset] + huge + wire[offset + len(huge) :], 0)
        except READABLE as exc:
            refused += " elements in " in str(exc)
    assert refused >= arrays(entity)


@given(st.data())
@settings(max_examples=300)
def test_reader_raises_or_decodes_damaged_bytes(data: st.DataObject) -> None:
    """Any change of any bytes: it decodes, or raises one of the documented exceptions."""
    entity = data.draw(st.sampled_from(ENTITIES))
    wire = bytearray(written(entity))
    for _ in range(data.draw(st.integers(1, 6))):
        wire[data.draw(st.integers(0, len(wire) - 1))] = data.draw(st.integers(0, 255))
    try:
        _, size = reader(type(entity))(bytes(wire), 0)
    except READABLE:
        return
    assert size <= len(wire)


def test_reader_accepts_a_null_array_only_where_the_schema_allows_it() -> None:
    """OffsetFetch's groups may not be null; kio alone silently returns None."""
    module = importlib.import_module("kio.schema.offset_fetch.v8.response")

    with pytest.raises(BadReply, match="'groups' is null"):
        reader(module.OffsetFetchResponse)(b"\0\0\0\0\0\0", 0)


def test_reader_skips_unknown_tags() -> None:
    """KIP-482: a newer broker may add tagged fields to any version."""
    entity = metadata(12)
    wire = written(entity)[:-1] + b"\x02" + b"\x09\x03abc" + b"\x0a\x00"

    assert reader(type(entity))(wire, 0) == (entity, len(wire))


@pytest.mark.parametrize(
    "section",
    [
        b"",
        b"\x01",
        b"\x01\x00",
        b"\x01\x00\x05abc",
        b"\xff\xff\xff\xff\x0f",
        b"\x01\x00\xff\xff\xff\xff\x0f",
        b"\xff\xff\xff\xff\xff\xff",
    ],
)
def test_skip_tags_raises_for_a_bad_section(section: bytes) -> None:
    """Truncated, too much announced, or a number that does not end."""
    with pytest.raises(BadReply):
        skip_tags(section, 0)


def test_reader_raises_for_an_unknown_error_code() -> None:
    """The meaning of a code younger than kio cannot be guessed; the request fails."""
    module = importlib.import_module("kio.schema.list_groups.v0.response")
    wire = written(module.ListGroupsResponse(error_code=ErrorCode.none, groups=()))

    with pytest.raises(ValueError, match="1234"):
        reader(module.ListGroupsResponse)((1234).to_bytes(2) + wire[2:], 0)
