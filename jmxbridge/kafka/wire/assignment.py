"""Assignments of a classic group's members (ConsumerProtocolAssignment), as bytes.

The leader of the group writes them, in its client's version of the format; brokers only pass them
on. Versions above those known begin like the known ones, so what follows the partitions is left
alone.
"""

import importlib

from jmxbridge.kafka.wire.errors import ReplyUnreadable
from jmxbridge.kafka.wire.safe_reader import BadReply, read


def read_assignment(data: bytes) -> tuple[tuple[str, int], ...]:
    """Return the assigned partitions, as topic and partition; raises ReplyUnreadable."""
    if not data:
        return ()
    schema = importlib.import_module("kio.schema.consumer_protocol_assignment.v0.data")
    try:
        # Two bytes of version come first.
        assignment, _ = read(schema.ConsumerProtocolAssignment, data, 2)
    except BadReply as exc:
        raise ReplyUnreadable(f"a member's assignment cannot be read: {exc}") from exc
    return tuple((t.topic, int(p)) for t in assignment.assigned_partitions for p in t.partitions)
