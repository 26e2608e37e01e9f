"""Lag rules as a table; each row says why its answer is right."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.kafka.facts.snapshot import Snapshot
from jmxbridge.lag.rows import GroupLag, PartitionLag, TopicLag, compute_lags

# (why, committed, end, orphaned, unavailable) -> (lag, ahead), or the count it belongs to
KNOWN = "known"
CASES = [
    ("a consumer that is behind", 4, 10, False, (KNOWN, 6, 0)),
    ("a consumer that has read everything", 10, 10, False, (KNOWN, 0, 0)),
    ("nothing read of an empty partition", 0, 0, False, (KNOWN, 0, 0)),
    (
        "beyond the end of a recreated topic: ahead is apart",
        10,
        4,
        False,
        (KNOWN, 0, 6),
    ),
    ("beyond 2**53 every record counts", 2**53, 2**53 + 1, False, (KNOWN, 1, 0)),
    ("the largest offset there is", 0, 2**63 - 1, False, (KNOWN, 2**63 - 1, 0)),
    ("-1 is a broker's answer for uncommitted", -1, 10, False, ("uncommitted",)),
    ("uncommitted and gone is still uncommitted", -1, None, True, ("uncommitted",)),
    ("the coordinator gave an error for the commit", None, 10, False, ("unavailable",)),
    ("the end is not known: not 0, not the old lag", 4, None, False, ("unavailable",)),
    ("its topic is gone", 4, None, True, ("orphaned",)),
    ("gone counts before an end read a moment earlier", 4, 10, True, ("orphaned",)),
]


@pytest.mark.parametrize(
    ("why", "committed", "end", "orphaned", "expected"), CASES, ids=[case[0] for case in CASES]
)
def test_compute_lags_of_one_partition(
    why: str,
    committed: int | None,
    end: int | None,
    orphaned: bool,
    expected: tuple[str | int, ...],
) -> None:
    """Exactly one of: a row, uncommitted, orphaned, unavailable."""
    lags = compute_lags(
        Snapshot(
            groups={},
            commits={"g": {"t": {0: committed}}},
            end_offsets={} if end is None else {"t": {0: end}},
            orphaned=frozenset({("t", 0)} if orphaned else ()),
        )
    )

    (group,) = lags.groups
    counts = {
        KNOWN: group.partitions_known,
        "orphaned": group.partitions_orphaned,
        "unavailable": group.partitions_unavailable,
    }
    kind, *numbers = expected
    assert counts == {name: int(name == kind) for name in counts}
    assert [[row.lag, row.ahead] for row in lags.partitions] == ([numbers] if numbers else [])


def test_sums_cover_known_partitions_and_count_the_others() -> None:
    """Two topics, one of them with missing offsets."""
    snapshot = Snapshot(
        groups={},
        commits={"g": {"x": {0: 4, 1: 10}, "y": {0: 1, 1: 5, 2: 7, 3: -1}, "gone": {0: 3}}},
        end_offsets={"x": {0: 10, 1: 10}, "y": {0: 9, 1: 2}},
        orphaned=frozenset({("gone", 0)}),
        unavailable=frozenset({("y", 2)}),
    )

    lags = compute_lags(snapshot)

    assert lags.partitions == (
        PartitionLag("g", "x", 0, 4, 10, 6, 0),
        PartitionLag("g", "x", 1, 10, 10, 0, 0),
        PartitionLag("g", "y", 0, 1, 9, 8, 0),
        PartitionLag("g", "y", 1, 5, 2, 0, 3),
    )
    assert lags.topics == (
        TopicLag("g", "x", 2, 2, 6, 6, 14, 20),
        TopicLag("g", "y", 3, 2, 8, 8, 6, 11),
        TopicLag("g", "gone", 1, 0, None, None, None, None),
    )
    assert lags.groups == (
        GroupLag(
            group="g",
            partitions=6,
            partitions_known=4,
            partitions_orphaned=1,
            partitions_unavailable=1,
            lag_sum=14,
            lag_max=8,
        ),
    )
    assert not lags.groups[0].complete


def test_a_group_without_commits_has_no_sum() -> None:
    """0 would read as caught up; the group has committed nothing."""
    lags = compute_lags(Snapshot(groups={}, commits={"g": {}}, end_offsets={}))

    assert lags.groups == (GroupLag("g", 0, 0, 0, 0, None, None),)
    assert (lags.topics, lags.partitions) == ((), ())
    assert lags.groups[0].complete


def test_a_group_whose_coordinator_failed_has_no_rows() -> None:
    """It is in the snapshot's groups and not in its commits: its lag is unknown."""
    assert compute_lags(Snapshot(groups={}, commits={}, end_offsets={})).groups == ()


offsets = st.integers(min_value=0, max_value=2**63 - 1)
commits = st.dictionaries(
    st.sampled_from("abc"),
    st.dictionaries(
        st.sampled_from("xyz"),
        st.dictionaries(st.integers(0, 3), st.one_of(st.none(), st.just(-1), offsets)),
    ),
)
ends = st.dictionaries(
    st.sampled_from("xyz"), st.dictionaries(st.integers(0, 3), offsets, max_size=4)
)
gone = st.frozensets(st.tuples(st.sampled_from("xyz"), st.integers(0, 3)))


@given(commits, ends, gone)
def test_roll_ups_are_the_sums_of_their_rows(
    commits: dict[str, dict[str, dict[int, int | None]]],
    ends: dict[str, dict[int, int]],
    gone: frozenset[tuple[str, int]],
) -> None:
    """By topic and by group, for any snapshot; every partition counts once."""
    lags = compute_lags(Snapshot(groups={}, commits=commits, end_offsets=ends, orphaned=gone))

    for group in lags.groups:
        rows = [row for row in lags.partitions if row.group == group.group]
        topics = [row for row in lags.topics if row.group == group.group]
        topic_offsets = commits[group.group].values()
        values = [v for offsets in topic_offsets for v in offsets.values() if v != -1]
        assert group.partitions == len(values) == sum(row.partitions for row in topics)
        assert group.partitions == (
            group.partitions_known + group.partitions_orphaned + group.partitions_unavailable
        )
        assert group.partitions_known == len(rows)
        assert group.lag_sum == (sum(row.lag for row in rows) if rows else None)
        assert group.lag_max == max((row.lag for row in rows), default=None)
        assert sum(row.lag_sum or 0 for row in topics) == (group.lag_sum or 0)
    for row in lags.partitions:
        assert row.lag >= 0
        assert row.ahead >= 0
        assert row.lag == 0 or row.ahead == 0
        assert row.end_offset - row.offset == row.lag - row.ahead


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 5)), max_size=60), st.integers(0, 60))
def test_commits_before_ends_give_no_negative_lag(steps: list[tuple[int, int]], cut: int) -> None:
    """For any interleaving of producing and consuming, in the order in which a poll reads."""
    end = read = 0
    committed = None
    for index, (is_consumer, count) in enumerate(steps):
        if index == cut:
            committed = read
        if is_consumer:
            read = min(end, read + count)
        else:
            end += count
    offset = committed if committed is not None else read

    (row,) = compute_lags(
        Snapshot(groups={}, commits={"g": {"t": {0: offset}}}, end_offsets={"t": {0: end}})
    ).partitions

    assert row.ahead == 0
    assert row.lag >= end - read


def test_by_topic_pairs_each_topic_with_its_rows() -> None:
    """In order; no rows for a topic without known partitions."""
    snapshot = Snapshot(
        groups={},
        commits={"a": {"t": {0: 1, 1: None}, "lost": {0: 1}, "u": {0: 1}}, "b": {"t": {0: 2}}},
        end_offsets={"t": {0: 5, 1: 5}, "u": {0: 5}},
    )
    lags = compute_lags(snapshot)

    pairs = [(topic.group, topic.topic, rows) for topic, rows in lags.by_topic()]

    assert [(group, topic, len(rows)) for group, topic, rows in pairs] == [
        ("a", "t", 1),
        ("a", "lost", 0),
        ("a", "u", 1),
        ("b", "t", 1),
    ]
    assert all(row[:2] == (group, topic) for group, topic, rows in pairs for row in rows)
    assert tuple(row for *_, rows in pairs for row in rows) == lags.partitions


@pytest.mark.parametrize(
    ("why", "committed", "end", "stable_end", "expected"),
    [
        ("behind the transaction", 4, 10, 6, (10, 6, 2, 0)),
        ("all that is committed is read", 6, 10, 6, (10, 6, 0, 0)),
        ("a commit inside the transaction is not ahead", 8, 10, 6, (10, 6, 0, 0)),
        ("a commit beyond the high watermark is", 12, 10, 6, (10, 6, 0, 2)),
        ("the last stable offset is read later and may be higher", 4, 10, 11, (11, 11, 7, 0)),
        ("without it there is no row", 4, 10, None, None),
        ("without the high watermark there is no row", 4, None, 6, None),
    ],
)
def test_compute_lags_of_a_group_that_reads_committed_records(
    why: str,
    committed: int,
    end: int | None,
    stable_end: int | None,
    expected: tuple[int, int, int, int] | None,
) -> None:
    """End, last stable offset, lag to the latter, ahead of the former."""
    lags = compute_lags(
        Snapshot(
            groups={},
            commits={"g": {"t": {0: committed}}},
            end_offsets={} if end is None else {"t": {0: end}},
            stable_ends={} if stable_end is None else {"t": {0: stable_end}},
            read_committed=frozenset("g"),
        )
    )

    (topic,) = lags.topics
    (group,) = lags.groups
    if expected is None:
        assert (lags.partitions, group.partitions_unavailable) == ((), 1)
        assert topic.stable_end_offset_sum is None
        return
    (row,) = lags.partitions
    assert (row.end_offset, row.stable_end_offset, row.lag, row.ahead) == expected
    assert (topic.end_offset_sum, topic.stable_end_offset_sum, topic.lag_sum) == expected[:3]


def test_compute_lags_has_no_last_stable_offset_for_other_groups() -> None:
    """Even of a partition where it is known."""
    snapshot = Snapshot(
        groups={},
        commits={"g": {"t": {0: 4}}},
        end_offsets={"t": {0: 10}},
        stable_ends={"t": {0: 6}},
    )

    lags = compute_lags(snapshot)

    assert [(row.lag, row.stable_end_offset) for row in lags.partitions] == [(6, None)]
    assert [topic.stable_end_offset_sum for topic in lags.topics] == [None]
