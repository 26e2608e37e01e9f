"""Rows of `kafka-consumer-groups.sh --describe`, from a description."""

import pytest

from jmxbridge.kafka.facts.extras import Extras, SharePartition
from jmxbridge.kafka.facts.members import Member, Membership
from jmxbridge.kafka.facts.snapshot import Commits, Description, Group, Snapshot
from jmxbridge.lag.report.table import COLUMNS, GroupTable, TableRow, tables

HOST = "/10.0.0.1"


def describe(
    commits: Commits | None,
    *members: Member,
    state: str = "Stable",
    ends: dict[str, dict[int, int]] | None = None,
) -> GroupTable:
    """Return the table of one group."""
    snapshot = Snapshot(
        groups={"g": Group("g", 1, state=state)},
        commits={} if commits is None else {"g": commits},
        end_offsets=ends or {},
    )
    (table,) = tables(Description(snapshot, {"g": Membership("g", state, members)}))
    return table


def lines(table: GroupTable) -> list[str]:
    """Return each row as the command prints it, without group, host and client."""
    rows = [
        (r.topic, r.partition, r.current_offset, r.log_end_offset, r.lag, r.consumer_id)
        for r in table.rows
    ]
    return [" ".join(value or "-" for value in row) for row in rows]


def member(name: str, *assigned: tuple[str, int]) -> Member:
    """Return a member with an id made of its client id."""
    return Member(f"{name}-id", name, HOST, assigned)


def test_a_row_has_the_columns_of_the_command() -> None:
    """In the order of COLUMNS, as text."""
    table = describe({"t": {0: 4}}, member("c", ("t", 0)), ends={"t": {0: 10}})

    (row,) = table.rows
    assert row.place == ("g", "t", 0)
    assert row == TableRow("g", "t", "0", "4", "10", "6", "c-id", HOST, "c")
    fields = [name.upper().replace("_", "-") for name in TableRow.__dataclass_fields__]
    assert fields == [*COLUMNS, "START-OFFSET", "STABLE-END-OFFSET"]


def test_rows_are_sorted_by_member_then_unassigned() -> None:
    """Members by number of partitions, as in the command; partitions by topic and number."""
    table = describe(
        {"t": {3: 1, 2: 1, 1: 1, 0: 1}, "a": {0: 1}},
        member("few", ("t", 2)),
        member("many", ("t", 1), ("t", 0)),
        member("none"),
        ends={"t": {0: 9, 1: 9, 2: 9, 3: 9}, "a": {0: 9}},
    )

    assert lines(table) == [
        "t 0 1 9 8 many-id",
        "t 1 1 9 8 many-id",
        "t 2 1 9 8 few-id",
        "a 0 1 9 8 -",
        "t 3 1 9 8 -",
    ]


@pytest.mark.parametrize(
    ("why", "commits", "ends", "line"),
    [
        ("assigned and not committed", {}, {"t": {0: 9}}, "t 0 - 9 - c-id"),
        ("-1 is not committed", {"t": {0: -1}}, {"t": {0: 9}}, "t 0 - 9 - c-id"),
        ("an unreadable commit", {"t": {0: None}}, {"t": {0: 9}}, "t 0 - 9 - c-id"),
        ("no end: the command gives up here", {"t": {0: 4}}, {}, "t 0 4 - - c-id"),
        (
            "ahead of the end: negative, as the command prints it",
            {"t": {0: 9}},
            {"t": {0: 4}},
            "t 0 9 4 -5 c-id",
        ),
        ("caught up", {"t": {0: 0}}, {"t": {0: 0}}, "t 0 0 0 0 c-id"),
    ],
)
def test_an_unknown_cell_is_a_dash(
    why: str, commits: Commits, ends: dict[str, dict[int, int]], line: str
) -> None:
    """Never 0 in place of unknown."""
    assert lines(describe(commits, member("c", ("t", 0)), ends=ends)) == [line]


@pytest.mark.parametrize(
    ("state", "remark"),
    [
        ("Stable", None),
        ("Empty", "has no active members"),
        ("PreparingRebalance", "is rebalancing"),
        ("CompletingRebalance", "is rebalancing"),
        ("Assigning", "is rebalancing"),
        ("Reconciling", "is rebalancing"),
        ("stable", None),  # brokers spell states in more than one way
        ("SomethingNew", None),
    ],
)
def test_the_remark_on_a_state_is_the_commands(state: str, remark: str | None) -> None:
    """The rows are there too."""
    table = describe({"t": {0: 4}}, state=state, ends={"t": {0: 9}})

    assert (table.state, table.remark, table.exists) == (state, remark, True)
    assert lines(table) == ["t 0 4 9 5 -"]


@pytest.mark.parametrize(("protocol_type", "kind"), [("", "simple"), ("streams", "streams")])
def test_a_group_without_a_protocol_is_simple(protocol_type: str, kind: str) -> None:
    """It never has a member."""
    snapshot = Snapshot(
        groups={"g": Group("g", 1, protocol_type, state="Empty")},
        commits={"g": {"t": {0: 4}}},
        end_offsets={"t": {0: 9}},
    )

    (table,) = tables(Description(snapshot, {"g": Membership("g", "Empty", ())}))

    assert table.kind == kind


def test_a_missing_group_differs_from_one_without_rows() -> None:
    """Missing, dead, without commits, unanswered: four different things."""
    missing, *_ = tables(
        Description(Snapshot(groups={}, commits={}, end_offsets={}), {}, ("nonsense",))
    )
    empty = describe({}, state="Empty")
    unanswered = describe(None)

    assert (missing.exists, missing.remark) == (False, "does not exist")
    assert not describe({}, state="Dead").exists
    assert (empty.exists, empty.rows, empty.remark) == (True, (), "has no active members")
    assert unanswered.exists
    assert unanswered.remark == "could not be read: its coordinator did not answer"


def test_a_group_that_was_refused_has_the_error_in_its_remark() -> None:
    """A coordinator that answered with an error did answer."""
    refusals = {"g": "its coordinator answered GROUP_AUTHORIZATION_FAILED (30)"}
    snapshot = Snapshot(groups={"g": Group("g", 1)}, commits={}, end_offsets={}, refusals=refusals)

    (table,) = tables(Description(snapshot, {}))

    assert table.remark == f"could not be read: {refusals['g']}"


def test_tables_are_sorted_by_name() -> None:
    """Missing groups among them, as the command prints several groups."""
    snapshot = Snapshot(
        groups={name: Group(name, 1, state="Stable") for name in ("c", "a")},
        commits={"a": {}, "c": {}},
        end_offsets={},
    )

    made = tables(Description(snapshot, {}, missing=("b",)))

    assert [(table.group, table.exists) for table in made] == [
        ("a", True),
        ("b", False),
        ("c", True),
    ]


def test_the_state_is_the_listed_one_where_members_are_unknown() -> None:
    """The coordinator answered for commits and not for members."""
    snapshot = Snapshot(
        groups={"g": Group("g", 1, state="Empty")},
        commits={"g": {"t": {0: 1}}},
        end_offsets={"t": {0: 3}},
    )

    (table,) = tables(Description(snapshot, {}))

    assert (table.state, lines(table)) == ("Empty", ["t 0 1 3 2 -"])


def test_a_vanished_group_has_the_rows_of_its_last_commits() -> None:
    """It does not exist in Kafka; the remark says how old the commits are."""
    snapshot = Snapshot(
        groups={},
        commits={"g": {"t": {0: 4}}},
        end_offsets={"t": {0: 9}},
        gone=frozenset({"g"}),
        vanished=frozenset({"g"}),
    )

    (table,) = tables(Description(snapshot, {}), {"g": 1_700_000_000_500_000_000})

    assert lines(table) == ["t 0 4 9 5 -"]
    assert (table.exists, table.state) == (False, None)
    assert table.last_seen_ns == 1_700_000_000_500_000_000
    assert table.remark == (
        "is no longer in Kafka; its lag is counted from its last commits,"
        " seen at 2023-11-14T22:13:20Z"
    )


NO_LAG = "is a share group, whose lag brokers know from Kafka 4.2 on"


@pytest.mark.parametrize(
    ("shares", "state", "rows", "remark"),
    [
        (
            [("t", 1, 5, 3), ("t", 0, 7, 0)],
            "Stable",
            [("t", "0", "7", "0"), ("t", "1", "5", "3")],
            None,
        ),
        ([("t", 0, 7, 0)], "Empty", [("t", "0", "7", "0")], "has no active members"),
        ([("t", 0, 7, None)], None, [("t", "0", "7", None)], NO_LAG),
        (
            [("t", 0, 7, None), ("t", 1, 5, 3)],
            None,
            [("t", "0", "7", None), ("t", "1", "5", "3")],
            None,
        ),
        ([("t", 0, 7, None)], "Empty", [("t", "0", "7", None)], f"has no active members; {NO_LAG}"),
        ([], "Stable", [], "is a share group, and its brokers know no start offset of it"),
    ],
)
def test_a_share_group_has_start_offsets_and_the_lag_where_it_is_known(
    shares: list[tuple[str, int, int, int | None]],
    state: str | None,
    rows: list[tuple[str, str, str, str | None]],
    remark: str | None,
) -> None:
    """It commits nothing, and the distance to the end is not its lag."""
    partitions = [SharePartition("s", *share) for share in shares]
    other = SharePartition("other", "t", 0, 1, 1)
    snapshot = Snapshot(
        groups={}, commits={}, end_offsets={}, extras=Extras(shares=(*partitions, other))
    )
    group = Group("s", 1, "share", state=state)

    (table,) = tables(Description(snapshot, {}, shares=(group,)))

    assert [(r.topic, r.partition, r.start_offset, r.lag) for r in table.rows] == rows
    assert all((r.current_offset, r.log_end_offset) == (None, None) for r in table.rows)
    assert (table.exists, table.kind, table.state) == (True, "share", state)
    assert table.remark == remark


@pytest.mark.parametrize(
    ("why", "offset", "end", "stable_end", "expected"),
    [
        ("the lag ends where the transaction begins", 4, 10, 6, ("10", "2", "6")),
        ("a commit inside the transaction", 8, 10, 6, ("10", "0", "6")),
        ("beyond the high watermark: negative", 12, 10, 6, ("10", "-2", "6")),
        ("a last stable offset that was read later", 4, 10, 11, ("11", "7", "11")),
        ("the last stable offset is not known", 4, 10, None, ("10", None, None)),
        ("the high watermark is not known", 4, None, 6, (None, None, "6")),
        ("nothing is committed", -1, 10, 6, ("10", None, None)),
    ],
)
def test_a_row_of_a_group_that_reads_committed_records(
    why: str,
    offset: int,
    end: int | None,
    stable_end: int | None,
    expected: tuple[str | None, str | None, str | None],
) -> None:
    """Log end, lag and last stable offset, as in polls."""
    snapshot = Snapshot(
        groups={"g": Group("g", 1, state="Stable")},
        commits={"g": {"t": {0: offset}}},
        end_offsets={} if end is None else {"t": {0: end}},
        stable_ends={} if stable_end is None else {"t": {0: stable_end}},
        read_committed=frozenset("g"),
    )

    (table,) = tables(Description(snapshot, {}))

    (row,) = table.rows
    assert (row.log_end_offset, row.lag, row.stable_end_offset) == expected
