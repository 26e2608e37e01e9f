"""Cluster.describe: members, their partitions, and groups that do not exist."""

import pytest

from jmxbridge.kafka.facts.extras import SharePartition
from jmxbridge.kafka.facts.members import Member
from jmxbridge.lag.report.table import tables
from tests.kafka.fake_answers import Asked, Group
from tests.kafka.fake_cluster import FakeCluster, HangUp, hang_up, silent
from tests.kafka.polling import ConnectTo, Outlast

LOST = "groups may be missing: 1 of 2 partitions of __consumer_offsets have no leader"


async def test_describe_reads_members_with_their_partitions(
    with_members: FakeCluster, connect_to: ConnectTo
) -> None:
    """One request for each coordinator and group protocol."""
    description = await connect_to(with_members).describe()

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
    assert [list(a.entity.groups) for a in with_members.asked("describe_groups")] == [
        ["classic"],
        ["idle"],
    ]
    assert [list(a.entity.group_ids) for a in with_members.asked("consumer_group_describe")] == [
        ["newer"]
    ]


async def test_describe_reads_ends_of_assigned_partitions_without_a_commit(
    with_members: FakeCluster, connect_to: ConnectTo
) -> None:
    """So the table can show an end next to the `-` of an uncommitted partition."""
    with_members.groups["classic"].commits = {}

    description = await connect_to(with_members).describe(["classic"])

    assert description.snapshot.commits == {"classic": {}}
    assert description.snapshot.end_offsets == {"x": {0: 10, 1: 10, 2: 10}}


async def test_describe_leaves_out_filtered_topics(
    with_members: FakeCluster, connect_to: ConnectTo
) -> None:
    """Without their commits they would look as if they had never been committed."""
    with_members.add_topic("noise", 1, end=10, leader=1)
    with_members.groups["classic"] = Group(
        {"x": {0: 4}, "noise": {0: 5}}, coordinator=1, members=[("one", {"x": [0], "noise": [0]})]
    )

    description = await connect_to(with_members, topics="x".__eq__).describe(["classic"])

    (table,) = tables(description)
    assert [(row.topic, row.current_offset) for row in table.rows] == [("x", "4")]
    assert description.snapshot.end_offsets == {"x": {0: 10}}


async def test_describe_leaves_out_internal_topics_as_polls_do(
    with_members: FakeCluster, connect_to: ConnectTo
) -> None:
    """The sum that is shown for a group is the sum that is written."""
    inner = "classic-counts-repartition"
    with_members.add_topic(inner, 2, end=10, leader=1)
    with_members.groups["classic"] = Group(
        {"x": {0: 4}, inner: {0: 5}}, coordinator=1, members=[("one", {"x": [0], inner: [0, 1]})]
    )

    plain = await connect_to(with_members).describe(["classic"])
    whole = await connect_to(with_members, internal_topics=True).describe(["classic"])

    places = [
        [row.place[1:] for table in tables(description) for row in table.rows]
        for description in (plain, whole)
    ]
    assert places == [[("x", 0)], [(inner, 0), (inner, 1), ("x", 0)]]


async def test_describe_uses_stable_ends_for_read_committed_groups(
    with_members: FakeCluster, connect_to: ConnectTo
) -> None:
    """As in polls: the lag ends there, and the end is the high watermark for all groups."""
    with_members.stable_ends["x", 0] = 6

    description = await connect_to(with_members, read_committed="classic".__eq__).describe()

    rows = [row for table in tables(description) for row in table.rows if row.topic == "x"]
    assert {(r.group, r.partition): (r.log_end_offset, r.lag) for r in rows} == {
        ("classic", "0"): ("10", "2"),
        ("classic", "1"): ("10", None),
        ("classic", "2"): ("10", None),
        ("idle", "1"): ("10", "9"),
        ("newer", "0"): ("10", "1"),
        ("newer", "1"): ("10", None),
        ("newer", "2"): ("10", None),
    }


async def test_describe_reads_named_groups_whatever_the_filter(
    with_members: FakeCluster, connect_to: ConnectTo
) -> None:
    """A named group is wanted, even if the filter denies it; no other group is read."""
    with_members.groups["console-consumer-1"] = with_members.groups.pop("idle")

    description = await connect_to(with_members).describe(["console-consumer-1"])

    assert set(description.snapshot.groups) == {"console-consumer-1"}
    asked = [g.group_id for a in with_members.asked("offset_fetch") for g in a.entity.groups]
    assert asked == ["console-consumer-1"]


async def test_describe_reports_a_missing_group(
    with_members: FakeCluster, connect_to: ConnectTo
) -> None:
    """No broker lists it, and its coordinator has no commits for it."""
    description = await connect_to(with_members).describe(["classic", "nonsense"])

    assert description.missing == ("nonsense",)
    assert set(description.snapshot.groups) == {"classic"}
    assert description.snapshot.errors == ()


async def test_describe_finds_an_unlisted_group_by_name(
    with_members: FakeCluster, connect_to: ConnectTo
) -> None:
    """While its coordinator moves a group is in no list, and exists."""
    with_members.groups["idle"].listed_by = (3,)

    description = await connect_to(with_members).describe(["idle"])

    assert description.missing == ()
    assert description.snapshot.commits == {"idle": {"x": {1: 1}}}


async def test_describe_never_creates_the_topic_of_commits(
    with_members: FakeCluster, connect_to: ConnectTo
) -> None:
    """On a new cluster FindCoordinator would create it; so it is not sent."""
    del with_members.leaders["__consumer_offsets"]
    with_members.groups.clear()

    description = await connect_to(with_members).describe(["nonsense"])

    assert description.missing == ("nonsense",)
    assert with_members.asked("find_coordinator") == []


async def test_describe_names_a_group_that_keeps_no_offsets(
    with_members: FakeCluster, connect_to: ConnectTo
) -> None:
    """A Connect cluster is a group without offsets: neither missing nor empty."""
    with_members.groups["workers"] = Group({}, protocol_type="connect")

    description = await connect_to(with_members).describe(["workers"])

    assert description.missing == ()
    assert description.snapshot.groups == {}
    assert description.snapshot.errors == ("group 'workers' is of a kind that keeps no offsets",)


async def test_describe_keeps_offsets_without_members(
    with_members: FakeCluster, connect_to: ConnectTo, outlast: Outlast
) -> None:
    """A coordinator that answers for commits and not for members: rows without owners."""
    with_members.brokers[2].scripts["consumer_group_describe"] = silent

    description = await outlast(
        connect_to(with_members).describe(["newer"]), with_members.brokers[2]
    )

    assert description.memberships == {}
    assert description.snapshot.commits == {"newer": {"x": {0: 9}}}
    assert description.snapshot.end_offsets == {"x": {0: 10}}
    assert len(description.snapshot.errors) == 1


@pytest.mark.parametrize(
    ("leaders", "failures"),
    [
        ({0: 1, 1: 1}, ()),
        ({0: 1, 1: -1}, (f"{LOST}; start the broker that has them",)),
        (None, ()),
    ],
)
async def test_describe_looks_for_lost_coordinators_after_a_dead_bootstrap_address(
    with_members: FakeCluster,
    connect_to: ConnectTo,
    free_port: int,
    leaders: dict[int, int] | None,
    failures: tuple[str, ...],
) -> None:
    """Groups of a partition without a leader are in no list, so the address may be theirs."""
    del with_members.leaders["__consumer_offsets"]
    if leaders is not None:
        with_members.leaders["__consumer_offsets"] = leaders
    bootstrap = [("127.0.0.1", free_port), *with_members.bootstrap]

    description = await connect_to(with_members, bootstrap=bootstrap).describe()

    assert len(description.snapshot.warnings) == 1
    assert description.snapshot.failures == failures


async def test_describe_survives_losing_the_cluster_after_a_dead_bootstrap_address(
    with_members: FakeCluster, connect_to: ConnectTo, free_port: int
) -> None:
    """No broker answers the question for coordinators: what was read before stays."""
    seen = 0

    def only_first(asked: Asked) -> object:
        nonlocal seen
        seen += 1
        if seen > 1:
            raise HangUp
        return with_members.brokers[1].answer_metadata(asked)

    await with_members.brokers[2].stop()
    del with_members.ports[2]
    with_members.brokers[1].scripts["metadata"] = only_first
    cluster = connect_to(
        with_members, bootstrap=[("127.0.0.1", free_port), *with_members.bootstrap]
    )

    description = await cluster.describe(["classic"])

    assert set(description.snapshot.groups) == {"classic"}
    assert len(description.snapshot.warnings) == 1
    assert description.snapshot.failures != ()


LAST_COMMITS = {"old": {"x": {0: 3}, "secret": {0: 1}}, "classic": {"x": {0: 1}}}


@pytest.mark.parametrize("named", [None, ["old"]])
async def test_describe_keeps_the_last_commits_of_a_group_that_is_gone(
    with_members: FakeCluster, connect_to: ConnectTo, named: list[str] | None
) -> None:
    """By name and in a list of all; a group that exists has the commits it has now."""
    cluster = connect_to(with_members, topics="x".__eq__)

    description = await cluster.describe(named, last_commits=LAST_COMMITS)

    assert description.missing == ()
    assert description.snapshot.vanished == {"old"}
    assert description.snapshot.commits["old"] == {"x": {0: 3}}
    assert description.snapshot.end_offsets["x"][0] == 10
    assert "old" not in description.snapshot.groups
    assert description.snapshot.commits.get("classic", {"x": {0: 4}}) == {"x": {0: 4}}
    assert description.snapshot.errors == ()


async def test_describe_asks_for_unlisted_groups_that_pass_the_filter_only(
    with_members: FakeCluster, connect_to: ConnectTo
) -> None:
    """Of what `run` knew under other filters; what has no commits left has not vanished."""
    last_commits = {"other": {"x": {0: 3}}, "old": {"secret": {0: 1}}}
    cluster = connect_to(with_members, groups="other".__ne__, topics="x".__eq__)

    description = await cluster.describe(last_commits=last_commits)

    assert description.snapshot.vanished == frozenset()
    assert description.snapshot.gone == {"old"}
    assert description.missing == ()
    (asked,) = with_members.asked("find_coordinator")
    assert tuple(asked.entity.coordinator_keys) == ("old",)


async def test_describe_does_not_count_last_commits_while_a_coordinator_is_silent(
    with_members: FakeCluster, connect_to: ConnectTo, outlast: Outlast
) -> None:
    """A group is gone only if its coordinator says so."""
    with_members.brokers[1].scripts["offset_fetch"] = silent
    with_members.brokers[2].scripts["find_coordinator"] = hang_up

    description = await outlast(
        connect_to(with_members).describe(["old"], last_commits=LAST_COMMITS),
        with_members.brokers[1],
    )

    assert description.snapshot.vanished == frozenset()
    assert description.snapshot.commits == {}
    assert description.missing == ()
    assert description.snapshot.failures != ()


@pytest.mark.parametrize("named", [None, ["sharers"]])
async def test_describe_reads_share_groups(
    with_members: FakeCluster, connect_to: ConnectTo, named: list[str] | None
) -> None:
    """Apart from the other groups, and not refused for keeping no offsets."""
    with_members.groups["sharers"] = Group({"x": {0: 4}}, protocol_type="share", type="Share")

    description = await connect_to(with_members).describe(named)

    (share,) = description.shares
    assert (share.name, share.kind, share.state) == ("sharers", "share", "Stable")
    assert description.snapshot.extras.shares == (SharePartition("sharers", "x", 0, 4, 6),)
    assert "sharers" not in description.snapshot.groups
    assert description.missing == ()
    assert description.snapshot.errors == ()
