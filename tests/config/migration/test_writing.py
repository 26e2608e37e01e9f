"""Drafts written as files that pass `check`."""

from collections.abc import Callable

import pytest

from jmxbridge.config.migration.draft import Draft, DraftRule, DraftSection, DraftTarget
from jmxbridge.config.migration.writing import WIDTH, NothingMigrated, finish
from jmxbridge.config.model.models import Settings

MakeSettings = Callable[..., Settings]


def rule(line: int, measurement: str, *names: str, set_name: str = "s") -> DraftRule:
    """Make a rule of a draft, with a field of each name."""
    fields = {f"Attribute{number}": name for number, name in enumerate(names)}
    entry = {"bean": f"a:type=T{line}", "measurement": measurement, "fields": fields}
    return DraftRule(line, set_name, entry)


def target(line: int, name: str, set_name: str = "s") -> DraftTarget:
    """Make a target of a draft."""
    return DraftTarget(line, set_name, {"name": name, "jmx": "h:1"})


def test_rule_that_the_checker_refuses_is_listed(settings: MakeSettings) -> None:
    """The checker's message is the reason; the other rules stay."""
    draft = Draft(
        targets=[target(1, "t")],
        rules=[rule(2, "kafka_consumer_lag", "x"), rule(3, "good", "x")],
    )
    new = finish(draft, source="x.json")

    assert [str(leftover) for leftover in new.leftovers] == [
        "2: not carried over: jmxbridge writes this measurement itself"
    ]
    assert [made.measurement for made in settings(new.text, kafka=False).mbeans["s"]] == ["good"]
    assert new.text.endswith(f"# Not carried over:\n# x.json:{new.leftovers[0]}\n")


def test_section_that_the_checker_refuses_is_listed(settings: MakeSettings) -> None:
    """A wrong value at the top does not cost the rules."""
    draft = Draft([DraftSection(1, "interval", "soon")], [target(2, "t")], [rule(3, "m", "x")])
    new = finish(draft, source="x")

    assert [leftover.line for leftover in new.leftovers] == [1]
    assert settings(new.text, kafka=False).interval_s == 10.0


def test_parts_without_a_counterpart_are_listed() -> None:
    """A target that collects an empty set, and a rule that no target collects, are left out."""
    draft = Draft(
        targets=[target(1, "t"), target(2, "idle", "empty")],
        rules=[rule(3, "m", "x"), rule(4, "n", "x", set_name="unread")],
    )
    new = finish(draft, source="x")

    assert [str(leftover) for leftover in new.leftovers] == [
        "2: nothing is read from it",
        "4: no address to read it from",
    ]


def test_draft_without_a_rule_is_no_file() -> None:
    """The reasons are in the error, in the order of the old file."""
    draft = Draft(targets=[target(3, "t")])
    draft.leave_out(1, "query nonsense")

    with pytest.raises(NothingMigrated) as caught:
        finish(draft, source="x")

    assert [leftover.line for leftover in caught.value.leftovers] == [1, 3]


def test_draft_without_leftovers_lists_none() -> None:
    """A file that is migrated as a whole ends with its last rule."""
    new = finish(Draft(targets=[target(1, "t")], rules=[rule(2, "m", "x")]), source="x")

    assert "Not carried over" not in new.text


def test_long_fields_are_one_per_line(settings: MakeSettings) -> None:
    """Fields that do not fit into a line are written below each other."""
    names = [f"a_rather_long_name_{number}" for number in range(9)]
    new = finish(Draft(targets=[target(1, "t")], rules=[rule(2, "m", *names)]), source="x")

    assert max(map(len, new.text.splitlines())) <= WIDTH
    (made,) = settings(new.text, kafka=False).mbeans["s"]
    assert [field.name for field in made.fields] == names


def test_sets_are_written_once(settings: MakeSettings) -> None:
    """Rules of one set stand together, whatever their order in the old file."""
    rules = [rule(3, "a", "x"), rule(4, "b", "x", set_name="other"), rule(5, "c", "x")]
    draft = Draft(targets=[target(1, "t"), target(2, "u", "other")], rules=rules)
    loaded = settings(finish(draft, source="x").text, kafka=False)

    assert {name: [made.measurement for made in sets] for name, sets in loaded.mbeans.items()} == {
        "s": ["a", "c"],
        "other": ["b"],
    }
