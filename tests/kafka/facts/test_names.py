"""Filters by name, and the internal topics of Streams."""

import re

import pytest

from jmxbridge.kafka.facts.names import USER_GROUPS, USER_TOPICS, NameFilter, is_internal


@pytest.mark.parametrize(
    ("why", "allow", "deny", "name", "wanted"),
    [
        ("no pattern allows all", (), (), "anything", True),
        ("allowed by one of two", ("a", "b.*"), (), "bills", True),
        ("not allowed by any", ("a", "b.*"), (), "orders", False),
        ("the whole name must match", ("bill",), (), "bills", False),
        ("the whole name must match to be denied", (), ("bill",), "bills", True),
        ("deny wins", ("b.*",), ("bills",), "bills", False),
        ("an empty name is a name", (), ("",), "", False),
    ],
)
def test_name_filter_matches_whole_names(
    why: str, allow: tuple[str, ...], deny: tuple[str, ...], name: str, wanted: bool
) -> None:
    """A deny wins over an allow; no allow pattern allows every name."""
    assert NameFilter(allow, deny)(name) is wanted


def test_default_filters_leave_out_console_consumers_and_kafkas_topics() -> None:
    """Names that only resemble them stay."""
    assert not USER_GROUPS("console-consumer-12345")
    assert USER_GROUPS("console-consumer-main")
    assert not USER_TOPICS("__consumer_offsets")
    assert USER_TOPICS("my__topic")


def test_name_filter_raises_for_a_bad_pattern_at_once() -> None:
    """When it is made, not at the first name."""
    with pytest.raises(re.error):
        NameFilter(deny=("(",))


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        ("app-KSTREAM-AGGREGATE-STATE-STORE-0000000003-repartition", True),
        ("app-counts-changelog", True),
        ("app-KTABLE-FK-JOIN-SUBSCRIPTION-REGISTRATION-0000000006-topic", True),
        ("app-KTABLE-FK-JOIN-SUBSCRIPTION-RESPONSE-0000000014-topic", True),
        ("app-orders-subscription-registration-topic", True),
        ("app-orders-subscription-response-topic", True),
        ("app", False),
        ("orders", False),
        ("other-counts-changelog", False),
        ("application-counts-changelog", False),
        ("app-changelogs", False),
        ("app-orders", False),
    ],
)
def test_is_internal_knows_the_names_that_streams_gives(topic: str, expected: bool) -> None:
    """Named after its group by the rules of Streams; a topic of another group is not internal."""
    assert is_internal("app", topic) is expected
