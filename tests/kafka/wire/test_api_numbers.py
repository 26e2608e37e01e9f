"""Api: the version that both sides speak, and Kafka's name of the API."""

import pytest

from jmxbridge.kafka.wire.api_numbers import DESCRIBE_SHARE_GROUP_OFFSETS, Api
from jmxbridge.kafka.wire.errors import VersionMismatch

API = Api("offset_fetch", 9, 2, 8)


@pytest.mark.parametrize(
    ("offered", "version"), [((0, 8), 8), ((0, 10), 8), ((1, 5), 5), ((8, 12), 8), ((0, 2), 2)]
)
def test_negotiate_returns_the_highest_common_version(
    offered: tuple[int, int], version: int
) -> None:
    """Whichever side has the lower highest version decides."""
    assert API.negotiate(offered) == version


@pytest.mark.parametrize("offered", [(0, 1), (9, 12)])
def test_negotiate_raises_without_a_common_version(offered: tuple[int, int]) -> None:
    """The message has the ranges of both sides."""
    ranges = f"OffsetFetch versions {offered[0]} to {offered[1]}, and jmxbridge has 2 to 8"
    with pytest.raises(VersionMismatch, match=ranges):
        API.negotiate(offered)


def test_negotiate_raises_for_an_api_that_is_not_offered() -> None:
    """The message names the API."""
    with pytest.raises(VersionMismatch, match=r"^it does not offer OffsetFetch$"):
        API.negotiate(None)


def test_title_is_kafkas_name() -> None:
    """As in Kafka's documentation and its metrics."""
    assert DESCRIBE_SHARE_GROUP_OFFSETS.title == "DescribeShareGroupOffsets"
