"""Members of groups: assignments by topic, by commit, and by partition."""

from jmxbridge.kafka.facts.members import Member, Membership, owners, uncommitted
from jmxbridge.kafka.facts.snapshot import Commits

ONE = Member("one-id", "one", "/10.0.0.1", (("x", 0), ("secret", 1)))
TWO = Member("two-id", "two", "/10.0.0.2", (("x", 1), ("y", 0)))
BOTH = Membership("billing", "Stable", (ONE, TWO))


def test_only_leaves_out_partitions_of_unwanted_topics() -> None:
    """Every member stays, even one that is left without a partition."""
    wanted = BOTH.only("y".__eq__)

    assert [member.client_id for member in wanted.members] == ["one", "two"]
    assert [member.assigned for member in wanted.members] == [(), (("y", 0),)]
    assert (wanted.group, wanted.state) == ("billing", "Stable")


def test_uncommitted_returns_partitions_without_a_commit() -> None:
    """No entry and -1 both mean that nothing is committed; None may hide a commit."""
    commits: Commits = {"x": {0: 7, 1: -1}, "secret": {1: None}}

    assert uncommitted(BOTH, commits) == [("x", 1), ("y", 0)]


def test_owners_maps_each_partition_to_its_member() -> None:
    """By group, topic and partition, over all groups."""
    other = Membership("audit", "Stable", (Member("three-id", "three", "/h", (("x", 0),)),))

    members = owners({"billing": BOTH, "audit": other})

    assert {place: member.client_id for place, member in members.items()} == {
        ("billing", "x", 0): "one",
        ("billing", "secret", 1): "one",
        ("billing", "x", 1): "two",
        ("billing", "y", 0): "two",
        ("audit", "x", 0): "three",
    }
