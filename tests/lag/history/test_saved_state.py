"""Saved state of the lag poll: read back exactly, or refused as a whole."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.kafka.facts.names import NameFilter
from jmxbridge.lag.history import saved_state as module
from jmxbridge.lag.history.open_transactions import UnmovedEnd
from jmxbridge.lag.history.saved_state import BadState, SavedState, decode, encode
from jmxbridge.lag.history.status import Status
from jmxbridge.lag.history.summary import GroupSummary, PollSummary
from jmxbridge.lag.history.timestamp_search import SearchAnswer, SearchResult
from jmxbridge.lag.history.vanished_groups import LastCommits
from jmxbridge.times import NS

ALL = NameFilter()
VERSION_1 = Path(__file__).with_name("saved_state_v1.json").read_bytes()


def batched_in_twos(values: list[int]) -> list[tuple[int, int]]:
    """Return pairs of neighbours; each value is in one of them."""
    return list(zip(values[::2], values[1::2], strict=False))


def topics_of(state: SavedState) -> set[str]:
    """Return the topics of tables and of commits."""
    committed = {topic for last in state.groups.values() for topic in last.commits}
    return committed | {topic for topic, _ in (*state.tables, *state.transactions)}


offsets = st.integers(0, 2**63 - 1)
names = st.text(min_size=1, max_size=5)
searches = st.builds(
    lambda end, offsets, times: SearchResult(
        end,
        tuple(
            SearchAnswer(offset, *asked_and_written)
            for offset, asked_and_written in zip(
                sorted(offsets), batched_in_twos(sorted(times)), strict=False
            )
        ),
    ),
    offsets,
    st.sets(offsets, min_size=1, max_size=3),
    st.sets(offsets, min_size=2, max_size=6),
)
states = st.builds(
    SavedState,
    groups=st.dictionaries(
        names,
        st.builds(
            LastCommits,
            st.dictionaries(
                names, st.dictionaries(st.integers(0, 9), st.none() | offsets, max_size=3)
            ),
            st.none() | offsets,
        ),
        max_size=3,
    ),
    tables=st.dictionaries(
        st.tuples(names, st.integers(0, 9)),
        st.lists(st.tuples(offsets, offsets), min_size=1, max_size=4).map(
            lambda points: tuple(sorted(column) for column in zip(*points, strict=True))
        ),
        max_size=3,
    ),
    searches=st.dictionaries(st.tuples(names, st.integers(0, 9)), searches, max_size=3),
    transactions=st.dictionaries(
        st.tuples(names, st.integers(0, 9)), st.builds(UnmovedEnd, offsets, offsets), max_size=3
    ),
    summary=st.none()
    | st.builds(
        PollSummary,
        offsets,
        st.dictionaries(
            names,
            st.builds(
                GroupSummary,
                st.sampled_from(Status),
                st.dictionaries(
                    names, st.dictionaries(st.integers(0, 9), st.sampled_from(Status), max_size=3)
                ),
                st.lists(names, max_size=2).map(tuple),
            ),
            max_size=3,
        ),
    ),
).map(lambda state: replace(state, topic_ids=dict.fromkeys(topics_of(state), "id")))


RESULT = SearchResult(9, (SearchAnswer(1, 2, 3),))
END = UnmovedEnd(9, 5)


def read_back(data: bytes) -> SavedState:
    return decode(data, wants_group=ALL, wants_topic=ALL)


def test_a_file_of_version_1_is_read() -> None:
    """Written by an earlier release: every section, a vanished group, an unreadable commit."""
    state = read_back(VERSION_1)

    assert state.groups == {
        "deleted": LastCommits({"orders": {0: 950}}, 1_700_000_050 * NS),
        "slow": LastCommits({"orders": {0: 100, 1: None}}),
        "stopped": LastCommits({"orders": {0: 930}, "bills": {0: 7}}),
    }
    ((partition, (times, ends)),) = state.tables.items()
    assert (partition, len(times), len(ends)) == (("orders", 0), 20, 20)
    assert (times[-1], ends[-1]) == (1_700_000_190 * NS, 1475)
    assert state.empty_since == {"stopped": 1_700_000_000 * NS}
    result = state.searches["orders", 0]
    assert (result.end, len(result.answers)) == (1475, 6)
    assert result.answers[1] == SearchAnswer(180, 1_699_924_400_000, 1_699_924_400_000)
    assert state.topic_ids == {"orders": "id-of-orders", "bills": "id-of-bills"}
    assert state.summary is not None
    assert state.summary.time_ns == 1_700_000_190 * NS
    assert {name: group.partitions for name, group in state.summary.groups.items()} == {
        "slow": {"orders": {0: Status.STALL}},
        "stopped": {"orders": {0: Status.STOP}},
        "deleted": {"orders": {0: Status.STOP}},
    }
    (sentence,) = state.summary.groups["slow"].clients
    assert sentence.startswith("client c of target app is dead: ")


def test_a_file_of_version_1_is_written_as_it_was() -> None:
    """An older release can read what this one saves."""
    assert encode(read_back(VERSION_1)) == VERSION_1.rstrip()


@given(states)
def test_saved_state_is_read_back_exactly(state: SavedState) -> None:
    """Every offset to the last digit."""
    assert read_back(encode(state)) == state


@given(states, st.data())
def test_truncated_state_is_refused(state: SavedState, data: st.DataObject) -> None:
    """Cut anywhere; no part of it is believed."""
    written = encode(state)
    cut = data.draw(st.integers(0, len(written) - 1))
    with pytest.raises(BadState):
        read_back(written[:cut])


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"version": 1, "groups": {}, "ends": []},
        {"version": 2, "groups": {}, "ends": [], "empty_since": {}},
        {"version": 1, "groups": {}, "ends": [], "empty_since": {"g": "x"}},
        {"version": 1, "groups": [], "ends": [], "empty_since": {}},
        {
            "version": 1,
            "groups": {"g": {"vanished_ns": "x", "commits": {}}},
            "ends": [],
            "empty_since": {},
        },
        {
            "version": 1,
            "groups": {"g": {"vanished_ns": None, "commits": {"t": []}}},
            "ends": [],
            "empty_since": {},
        },
        {"version": 1, "groups": {}, "ends": [["t", 0, [1], []]], "empty_since": {}},
        {"version": 1, "groups": {}, "ends": [["t", 0, [], []]], "empty_since": {}},
        {"version": 1, "groups": {}, "ends": [["t", 0, [2, 1], [1, 2]]], "empty_since": {}},
        {"version": 1, "groups": {}, "ends": [["t", 0, [1], [2**63]]], "empty_since": {}},
        {"version": 1, "groups": {}, "ends": [["t", 0, [1], [True]]], "empty_since": {}},
        {"version": 1, "groups": {}, "ends": [["t", 0, [1]]], "empty_since": {}},
        *(
            {"version": 1, "groups": {}, "ends": [], "empty_since": {}, "searches": [search]}
            for search in (
                ["t", 0, 9, []],
                ["t", 0, 9, [[1, 2]]],
                ["t", 0, 9, [[1, 2, "x"]]],
                ["t", 0, 9, [[2, 1, 1], [1, 2, 2]]],
                ["t", 0, 9, [[1, 1, 5], [2, 5, 6]]],
            )
        ),
        *(
            {"version": 1, "groups": {}, "ends": [], "empty_since": {}, "transactions": [end]}
            for end in (["t", 0, 9], ["t", 0, 9, "x"], ["t", 0, True, 1])
        ),
    ],
)
def test_state_that_polls_cannot_have_saved_is_refused(document: object) -> None:
    """Another version, values of another type, tables and searches out of order."""
    with pytest.raises(BadState):
        read_back(json.dumps(document).encode())


def test_filtered_groups_and_topics_are_not_read_back() -> None:
    """Filters may have changed between two runs."""
    state = SavedState(
        {"a": LastCommits({"x": {0: 1}, "y": {0: 2}}), "b": LastCommits({"x": {0: 1}})},
        {("x", 0): ([1], [1]), ("y", 0): ([1], [1])},
        {"a": 7, "b": 8},
        searches={("x", 0): RESULT, ("y", 0): RESULT},
        transactions={("x", 0): END, ("y", 0): END},
    )

    read = decode(encode(state), wants_group="a".__eq__, wants_topic="x".__eq__)

    kept = {("x", 0): ([1], [1])}
    assert read == SavedState(
        {"a": LastCommits({"x": {0: 1}})},
        kept,
        {"a": 7},
        searches={("x", 0): RESULT},
        transactions={("x", 0): END},
    )


def test_saved_groups_are_limited_vanished_ones_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups that exist can be asked again; those that have vanished cannot."""
    monkeypatch.setattr(module, "MAX_OFFSETS", 3)
    gone = {"z": LastCommits({"t": {0: 1, 1: 2}}, 5)}
    existing = {"a": LastCommits({"t": {0: 1}}), "b": LastCommits({"t": {0: 1}})}

    read = read_back(encode(SavedState(existing | gone, {("t", 0): ([1], [1])})))

    assert read == SavedState(gone | {"a": existing["a"]})


def test_all_of_the_state_counts_for_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes after the limit is left out: tables, searches, transactions, then the summary."""
    state = SavedState(
        {"g": LastCommits({"t": {0: 1}})},
        {("t", 0): ([1], [1]), ("t", 1): ([1], [1])},
        searches={("t", 0): RESULT, ("t", 1): RESULT},
        transactions={("t", 0): END, ("t", 1): END},
        summary=PollSummary(7, {"g": GroupSummary(Status.OK), "h": GroupSummary(Status.OK)}),
    )
    kept = {}
    for limit in range(10):
        monkeypatch.setattr(module, "MAX_OFFSETS", limit)
        read = read_back(encode(state))
        groups = read.summary.groups if read.summary else {}
        sections = (read.groups, read.tables, read.searches, read.transactions, groups)
        kept[limit] = tuple(len(section) for section in sections)

    assert [kept[limit] for limit in range(10)] == [
        (0, 0, 0, 0, 0),
        (1, 0, 0, 0, 0),
        (1, 1, 0, 0, 0),
        (1, 2, 0, 0, 0),
        (1, 2, 1, 0, 0),
        (1, 2, 2, 0, 0),
        (1, 2, 2, 1, 0),
        (1, 2, 2, 2, 0),
        (1, 2, 2, 2, 1),
        (1, 2, 2, 2, 2),
    ]


def test_a_group_without_a_status_is_saved_with_the_number_of_release_0_1() -> None:
    """It had 9 for groups without anything to judge, and refuses files with 0."""
    state = SavedState(summary=PollSummary(7, {"g": GroupSummary(Status.NONE)}))

    written = encode(state)

    assert json.loads(written)["judged"]["groups"]["g"]["status"] == 9
    assert read_back(written) == state


def test_a_summary_is_read_back_without_filtered_groups_and_topics() -> None:
    """Like the rest of the state."""
    partitions = {"x": {0: Status.STOP}, "y": {0: Status.STOP}}
    group = GroupSummary(Status.ERR, partitions, ("a sentence",))
    state = SavedState(summary=PollSummary(7, {"a": group, "b": group}))

    read = decode(encode(state), wants_group="a".__eq__, wants_topic="x".__eq__)

    wanted = GroupSummary(Status.ERR, {"x": {0: Status.STOP}}, ("a sentence",))
    assert read.summary == PollSummary(7, {"a": wanted})
