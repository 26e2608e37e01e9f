"""read_assignment: partitions that a classic group's leader assigned."""

import pytest

from jmxbridge.kafka.wire.assignment import read_assignment
from jmxbridge.kafka.wire.errors import ReplyUnreadable
from tests.kafka.fake_answers import assignment


def test_read_assignment_of_no_bytes_is_empty() -> None:
    """A member that has just joined has no bytes at all."""
    assert read_assignment(b"") == ()
    assert read_assignment(assignment({})) == ()


@pytest.mark.parametrize("size", range(1, len(assignment({"x": [0, 1]}))))
def test_read_assignment_raises_for_truncated_bytes(size: int) -> None:
    """Another client wrote the bytes: any damage is an error, never a partition."""
    with pytest.raises(ReplyUnreadable):
        read_assignment(assignment({"x": [0, 1]})[:size])
