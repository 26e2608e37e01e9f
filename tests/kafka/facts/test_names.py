"""Name filters: whole names, deny before allow, and what is left out by default."""

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
def test_a_name_is_wanted(
    why: str, allow: tuple[str, ...], deny: tuple[str, ...], name: str, wanted: bool
) -> None:
    """Full match; deny wins."""
    assert NameFilter(allow, deny)(name) is wanted


def test_the_defaults_leave_out_what_nobody_operates() -> None:
    """Console consumers and Kafka's own topics; names that only resemble them stay."""
    assert not USER_GROUPS("console-consumer-12345")
    assert USER_GROUPS("console-consumer-main")
    assert not USER_TOPICS("__consumer_offsets")
    assert USER_TOPICS("my__topic")


def test_a_bad_pattern_is_refused_at_once() -> None:
    """Not at the first name it meets."""
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
def test_what_a_streams_application_made_for_itself(topic: str, expected: bool) -> None:
    """Named after its group and by the rules of Streams; another application's is a topic."""
    assert is_internal("app", topic) is expected
