"""What outlives a restart comes back as it was, or not at all."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.kafka.facts.names import NameFilter
from jmxbridge.lag.history import saved_state as rules
from jmxbridge.lag.history.saved_state import BadState, SavedState, decode, encode
from jmxbridge.lag.history.status import Status
from jmxbridge.lag.history.summary import GroupSummary, PollSummary
from jmxbridge.lag.history.timestamp_search import SearchAnswer, SearchResult
from jmxbridge.lag.history.vanished_groups import LastCommits

EVERY = NameFilter()


def batched_in_twos(values: list[int]) -> list[tuple[int, int]]:
    """Pairs of neighbours, each value in one of them."""
    return list(zip(values[::2], values[1::2], strict=False))


def topics_of(memory: SavedState) -> set[str]:
    """Those of tables, and those that some group has read."""
    read = {topic for last in memory.groups.values() for topic in last.commits}
    return read | {topic for topic, _ in memory.tables}


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
memories = st.builds(
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
).map(lambda memory: replace(memory, topic_ids=dict.fromkeys(topics_of(memory), "id")))


FOUND = SearchResult(9, (SearchAnswer(1, 2, 3),))


def back(data: bytes) -> SavedState:
    return decode(data, wants_group=EVERY, wants_topic=EVERY)


@given(memories)
def test_it_comes_back_as_it_was(memory: SavedState) -> None:
    """Every offset to the last digit."""
    assert back(encode(memory)) == memory


@given(memories, st.data())
def test_a_damaged_one_is_refused_whole(memory: SavedState, data: st.DataObject) -> None:
    """Cut anywhere it is no memory; it never half counts."""
    written = encode(memory)
    cut = data.draw(st.integers(0, len(written) - 1))
    with pytest.raises(BadState):
        back(written[:cut])


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
    ],
)
def test_what_only_looks_like_one_is_refused(document: object) -> None:
    """Of another version, or with values that polls cannot have left."""
    with pytest.raises(BadState):
        back(json.dumps(document).encode())


def test_what_is_not_looked_at_any_more_does_not_come_back() -> None:
    """Filters may have changed between two runs."""
    memory = SavedState(
        {"a": LastCommits({"x": {0: 1}, "y": {0: 2}}), "b": LastCommits({"x": {0: 1}})},
        {("x", 0): ([1], [1]), ("y", 0): ([1], [1])},
        {"a": 7, "b": 8},
        searches={("x", 0): FOUND, ("y", 0): FOUND},
    )

    read = decode(encode(memory), wants_group="a".__eq__, wants_topic="x".__eq__)

    kept = {("x", 0): ([1], [1])}
    assert read == SavedState(
        {"a": LastCommits({"x": {0: 1}})}, kept, {"a": 7}, searches={("x", 0): FOUND}
    )


def test_it_is_bounded_and_keeps_what_is_gone_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups that exist can be asked again; those that are gone cannot."""
    monkeypatch.setattr(rules, "MAX_OFFSETS", 3)
    gone = {"z": LastCommits({"t": {0: 1, 1: 2}}, 5)}
    here = {"a": LastCommits({"t": {0: 1}}), "b": LastCommits({"t": {0: 1}})}

    read = back(encode(SavedState(here | gone, {("t", 0): ([1], [1])})))

    assert read == SavedState(gone | {"a": here["a"]})
