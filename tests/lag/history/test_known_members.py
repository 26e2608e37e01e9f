"""Members as last described, once a minute."""

from jmxbridge.kafka.facts.members import Membership
from jmxbridge.kafka.facts.snapshot import Group, Snapshot
from jmxbridge.lag.history.known_members import DESCRIBE_EVERY_NS, KnownMembers


def snapshot(groups: str, *described: str) -> Snapshot:
    """Return a snapshot of these groups, one letter each, that asked for members."""
    return Snapshot(
        groups={name: Group(name, 1) for name in groups},
        commits={},
        end_offsets={},
        memberships={name: Membership(name, "Stable", ()) for name in described},
    )


def test_members_are_due_at_the_first_poll_and_a_minute_later() -> None:
    """Also when the clock was set back; a poll that did not get them leaves them due."""
    members = KnownMembers()
    assert members.are_due(0)
    members.take(Snapshot(groups={}, commits={}, end_offsets={}), 0)
    assert members.are_due(0)

    members.take(snapshot("a", "a"), 100)

    due = [members.are_due(100 + n) for n in (0, DESCRIBE_EVERY_NS - 1, DESCRIBE_EVERY_NS, -1)]
    assert due == [False, False, True, True]


def test_a_group_that_was_not_described_keeps_its_members() -> None:
    """Until it is gone."""
    members = KnownMembers()
    members.take(snapshot("abc", "a", "b", "c"), 0)

    members.take(snapshot("ab", "a"), 1)

    assert members.memberships.keys() == {"a", "b"}
