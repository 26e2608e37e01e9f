"""Describing groups: members, what they are assigned, and groups that do not exist."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from jmxbridge.kafka.cluster.cluster import Cluster
from jmxbridge.kafka.facts.members import Member
from jmxbridge.kafka.facts.snapshot import Description
from jmxbridge.kafka.wire.assignment import read_assignment
from jmxbridge.kafka.wire.errors import ReplyUnreadable
from jmxbridge.lag.report.table import tables
from tests.kafka.fake_answers import Asked, Group, assignment
from tests.kafka.fake_cluster import KAFKA_2_3, FakeCluster, silent

StartFake = Callable[..., Awaitable[FakeCluster]]
ConnectTo = Callable[..., Cluster]
Outlast = Callable[..., Awaitable[Description]]


@pytest.fixture
async def fake(start_fake: StartFake) -> FakeCluster:
    """Two brokers; a classic and a newer group with members, and one without."""
    fake = await start_fake(brokers=2)
    fake.add_topic("x", 3, end=10, leader=1)
    fake.add_topic("__consumer_offsets", 1, end=99)
    fake.groups["classic"] = Group(
        {"x": {0: 4}}, coordinator=1, members=[("one", {"x": [0, 1]}), ("two", {"x": [2]})]
    )
    fake.groups["newer"] = Group(
        {"x": {0: 9}}, coordinator=2, type="Consumer", members=[("three", {"x": [0, 1, 2]})]
    )
    fake.groups["idle"] = Group({"x": {1: 1}}, coordinator=2, protocol_type="", state="Empty")
    return fake


async def test_members_come_with_what_they_are_assigned(
    fake: FakeCluster, connect_to: ConnectTo
) -> None:
    """Each group in the protocol it uses, each coordinator in one request for each of them."""
    description = await connect_to(fake).describe()

    assert description.missing == ()
    assert description.snapshot.complete
    assert description.memberships["classic"].members == (
        Member("one-id", "one", "/127.0.0.1", (("x", 0), ("x", 1))),
        Member("two-id", "two", "/127.0.0.1", (("x", 2),)),
    )
    assert description.memberships["newer"].members == (
        Member("three-id", "three", "/127.0.0.1", (("x", 0), ("x", 1), ("x", 2))),
    )
    assert description.memberships["idle"].members == ()
    assert [list(a.entity.groups) for a in fake.asked("describe_groups")] == [["classic"], ["idle"]]
    assert [list(a.entity.group_ids) for a in fake.asked("consumer_group_describe")] == [["newer"]]


async def test_the_ends_of_assigned_partitions_are_there_without_a_commit(
    fake: FakeCluster, connect_to: ConnectTo
) -> None:
    """So the table can show an end beside the `-` of a partition nobody has committed."""
    fake.groups["classic"].commits = {}

    description = await connect_to(fake).describe(["classic"])

    assert description.snapshot.commits == {"classic": {}}
    assert description.snapshot.end_offsets == {"x": {0: 10, 1: 10, 2: 10}}


async def test_topics_that_are_not_looked_at_have_no_rows(
    fake: FakeCluster, connect_to: ConnectTo
) -> None:
    """Without their commits they would look as if nobody had ever committed them."""
    fake.add_topic("noise", 1, end=10, leader=1)
    fake.groups["classic"] = Group(
        {"x": {0: 4}, "noise": {0: 5}}, coordinator=1, members=[("one", {"x": [0], "noise": [0]})]
    )

    description = await connect_to(fake, topics="x".__eq__).describe(["classic"])

    (table,) = tables(description)
    assert [(row.topic, row.current_offset) for row in table.rows] == [("x", "4")]
    assert description.snapshot.end_offsets == {"x": {0: 10}}


async def test_what_streams_made_for_itself_is_left_out_as_in_polls(
    fake: FakeCluster, connect_to: ConnectTo
) -> None:
    """The sum that is said of a group is the one that is written of it."""
    inner = "classic-counts-repartition"
    fake.add_topic(inner, 2, end=10, leader=1)
    fake.groups["classic"] = Group(
        {"x": {0: 4}, inner: {0: 5}}, coordinator=1, members=[("one", {"x": [0], inner: [0, 1]})]
    )

    plain = await connect_to(fake).describe(["classic"])
    whole = await connect_to(fake, internal_topics=True).describe(["classic"])

    seen = [
        [row.place[1:] for table in tables(each) for row in table.rows] for each in (plain, whole)
    ]
    assert seen == [[("x", 0)], [(inner, 0), (inner, 1), ("x", 0)]]


async def test_a_group_that_reads_committed_records_ends_where_a_transaction_begins(
    fake: FakeCluster, connect_to: ConnectTo
) -> None:
    """As in polls; what it has not committed has the end that all see."""
    fake.stable_ends["x", 0] = 6

    description = await connect_to(fake, read_committed="classic".__eq__).describe()

    rows = [row for table in tables(description) for row in table.rows if row.topic == "x"]
    assert {(r.group, r.partition): (r.log_end_offset, r.lag) for r in rows} == {
        ("classic", "0"): ("6", "2"),
        ("classic", "1"): ("10", None),
        ("classic", "2"): ("10", None),
        ("idle", "1"): ("10", "9"),
        ("newer", "0"): ("10", "1"),
        ("newer", "1"): ("10", None),
        ("newer", "2"): ("10", None),
    }


async def test_only_the_groups_named_are_asked_for(
    fake: FakeCluster, connect_to: ConnectTo
) -> None:
    """Whatever the filter says: who names a group wants to see it."""
    fake.groups["console-consumer-1"] = fake.groups.pop("idle")

    description = await connect_to(fake).describe(["console-consumer-1"])

    assert set(description.snapshot.groups) == {"console-consumer-1"}
    asked = [g.group_id for a in fake.asked("offset_fetch") for g in a.entity.groups]
    assert asked == ["console-consumer-1"]


async def test_a_group_that_does_not_exist_is_missing(
    fake: FakeCluster, connect_to: ConnectTo
) -> None:
    """Nobody lists it, and its coordinator has no commits of it."""
    description = await connect_to(fake).describe(["classic", "nonsense"])

    assert description.missing == ("nonsense",)
    assert set(description.snapshot.groups) == {"classic"}
    assert description.snapshot.errors == ()


async def test_a_group_nobody_lists_just_now_is_found_by_name(
    fake: FakeCluster, connect_to: ConnectTo
) -> None:
    """During a move of its coordinator it is in no list, and yet there."""
    fake.groups["idle"].listed_by = (3,)

    description = await connect_to(fake).describe(["idle"])

    assert description.missing == ()
    assert description.snapshot.commits == {"idle": {"x": {1: 1}}}


async def test_asking_for_a_group_never_creates_the_topic_of_commits(
    fake: FakeCluster, connect_to: ConnectTo
) -> None:
    """On a new cluster FindCoordinator would create it; so it is not sent there."""
    del fake.leaders["__consumer_offsets"]
    fake.groups.clear()

    description = await connect_to(fake).describe(["nonsense"])

    assert description.missing == ("nonsense",)
    assert fake.asked("find_coordinator") == []


async def test_a_group_of_another_kind_is_said_to_be_one(
    fake: FakeCluster, connect_to: ConnectTo
) -> None:
    """A Connect cluster is a group without offsets: neither missing nor empty."""
    fake.groups["workers"] = Group({}, protocol_type="connect")

    description = await connect_to(fake).describe(["workers"])

    assert description.missing == ()
    assert description.snapshot.groups == {}
    assert description.snapshot.errors == ("group 'workers' is of a kind that keeps no offsets",)


async def test_members_nobody_could_name_leave_the_offsets_standing(
    fake: FakeCluster, connect_to: ConnectTo, outlast: Outlast
) -> None:
    """A coordinator that answers for commits and not for members: rows without owners."""
    fake.brokers[2].scripts["consumer_group_describe"] = silent

    description = await outlast(connect_to(fake).describe(["newer"]), fake.brokers[2])

    assert description.memberships == {}
    assert description.snapshot.commits == {"newer": {"x": {0: 9}}}
    assert description.snapshot.end_offsets == {"x": {0: 10}}
    assert len(description.snapshot.errors) == 1


async def test_members_that_may_not_be_seen_are_said_to_be_so(
    fake: FakeCluster, connect_to: ConnectTo
) -> None:
    """The error code of one group is that group's affair."""

    def refuse(asked: Asked) -> Any:
        group = asked.schema.make(
            "DescribedGroup",
            error_code=30,
            group_id="classic",
            group_state="",
            protocol_type="",
            protocol_data="",
            members=(),
        )
        return asked.schema.reply(groups=(group,))

    fake.brokers[1].scripts["describe_groups"] = refuse

    description = await connect_to(fake).describe(["classic", "newer"])

    assert set(description.memberships) == {"newer"}
    assert description.snapshot.errors == (
        "group 'classic': cannot be described: GROUP_AUTHORIZATION_FAILED (30)",
    )


async def test_on_an_old_broker_every_group_is_classic(
    fake: FakeCluster, connect_to: ConnectTo
) -> None:
    """Before 3.8 a broker does not say of which type a group is."""
    fake.versions = KAFKA_2_3
    del fake.groups["newer"]

    description = await connect_to(fake).describe()

    assert [m.client_id for m in description.memberships["classic"].members] == ["one", "two"]


@pytest.mark.parametrize("version", range(7))
async def test_every_version_of_describe_groups_gives_the_same_members(
    fake: FakeCluster, connect_to: ConnectTo, version: int
) -> None:
    """Our lowest to our highest."""
    fake.versions[15] = (0, version)

    description = await connect_to(fake).describe(["classic"])

    assert [len(m.assigned) for m in description.memberships["classic"].members] == [2, 1]


async def test_an_assignment_nobody_can_read_is_one_groups_affair(
    fake: FakeCluster, connect_to: ConnectTo
) -> None:
    """It is written by a client, whoever that is; the others of the same reply are described."""
    fake.groups["odd"] = Group({"x": {2: 3}}, coordinator=1, members=[("four", {"x": [2]})])
    broker = fake.brokers[1]

    def garble(asked: Asked, answer: Callable[[Asked], Any] = broker.answer_describe_groups) -> Any:
        reply = answer(asked)
        groups = tuple(
            replace(
                group,
                members=tuple(
                    replace(each, member_assignment=b"\0\0\x7f\xff\xff\xff")
                    for each in group.members
                ),
            )
            if group.group_id == "odd"
            else group
            for group in reply.groups
        )
        return replace(reply, groups=groups)

    broker.scripts["describe_groups"] = garble

    description = await connect_to(fake).describe()

    assert set(description.memberships) == {"classic", "newer", "idle"}
    assert description.snapshot.errors == ("group 'odd': cannot be described: CORRUPT_MESSAGE (2)",)


def test_an_empty_assignment_is_none() -> None:
    """A member that has just joined has no bytes at all."""
    assert read_assignment(b"") == ()
    assert read_assignment(assignment({})) == ()


@pytest.mark.parametrize("size", range(1, len(assignment({"x": [0, 1]}))))
def test_an_assignment_that_ends_early_is_unreadable(size: int) -> None:
    """The bytes are another client's: any damage is an error, never a partition."""
    with pytest.raises(ReplyUnreadable):
        read_assignment(assignment({"x": [0, 1]})[:size])
