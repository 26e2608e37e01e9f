"""Values of a snapshot that are computed from others."""

import pytest

from jmxbridge.kafka.facts.snapshot import Group, Phases


@pytest.mark.parametrize(
    ("protocol_type", "kind"), [("consumer", "consumer"), ("streams", "streams"), ("", "simple")]
)
def test_kind_is_the_protocol_or_simple(protocol_type: str, kind: str) -> None:
    """A group without a protocol has members that the broker never sees."""
    assert Group("g", 1, protocol_type).kind == kind


def test_total_ms_is_the_sum_of_all_phases() -> None:
    """Each phase has a digit of its own, so none is missing and none counts twice."""
    assert Phases(1.0, 20.0, 300.0, 4000.0, 50000.0).total_ms == 54321.0
