"""Suggested rules for the MBeans of real JVMs."""

import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import pytest

from jmxbridge.config.model.models import Settings
from jmxbridge.config.settings_builder import build
from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.values import Composite, Value
from jmxbridge.mbeans.discovery import attributes, find_claims
from jmxbridge.mbeans.points import to_points
from jmxbridge.mbeans.reading import Reading
from jmxbridge.mbeans.suggestion import suggest


class MBean(Protocol):
    """The parts of a recorded MBean."""

    @property
    def name(self) -> ObjectName: ...
    @property
    def values(self) -> Mapping[str, Value]: ...


def no_files(path: Path) -> str:
    """A machine without secret files."""
    raise AssertionError(path)


def settings(rule: str) -> Settings:
    """Load a file with one suggestion; raises ConfigError."""
    text = "kafka: {bootstrap: 'k:1'}\nmbeans:\n  new:\n" + textwrap.indent(rule, "    ")
    return build(text, path=Path("mbeans.yaml"), environ={}, read_secret=no_files)


def numbers(values: Mapping[str, Value]) -> int:
    """Count the finite numbers of an MBean, including those in composites."""
    flat = [v for value in values.values() for v in _flat(value)]
    return sum(1 for v in flat if isinstance(v, (int, float)) and abs(v) < float("inf"))


def _flat(value: Value) -> list[Value]:
    return list(value.values()) if isinstance(value, Composite) else [value]


@pytest.mark.parametrize("jvm", ["consumer-4.1.0", "broker-4.1.0"])
def test_a_suggestion_is_valid_and_reads_every_number(
    jvm: str, recorded: Callable[[str], list[MBean]]
) -> None:
    """For every MBean of a recorded JVM: in a file, it has a field for each number."""
    seen: set[str] = set()
    for mbean in recorded(jvm):
        rule = suggest(mbean.name, mbean.values)
        if rule.startswith("#"):
            assert not numbers(mbean.values), mbean.name
            continue
        if rule in seen:  # thousands of MBeans have some dozens of shapes
            continue
        seen.add(rule)
        (made,) = settings(rule).mbeans["new"]
        (taken,) = find_claims([made], [mbean.name])
        asked = attributes(made, list(mbean.values))
        reading = Reading(
            made, taken.name, {attribute: mbean.values[attribute] for attribute in asked}
        )
        points = to_points([reading], time_ns=0, tags={})
        assert sum(len(point.fields) for point in points.points) == numbers(mbean.values), rule
        assert (points.dropped_type, points.duplicates) == (0, 0), rule


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        (
            "a:type=T,cluster=c,time=1",
            {"time": 1.0, "Time": 2.0, "yes": True},
            "- bean: 'a:type=T,cluster=*,time=*'\n"
            "  measurement: a_t\n"
            "  tags: {cluster_key: cluster, time_key: time}\n"
            "  fields:\n"
            "    time: time_value\n"
            "    Time: time_value_2\n"
            "    'yes': {name: yes, type: bool}",
        ),
        (
            "a:type=T",
            {"it's.here": 1.0, "State": "up"},
            "- bean: 'a:type=T'\n"
            "  measurement: a_t\n"
            "  fields:\n"
            "    'it''s\\.here': it_s_here\n"
            "    # State: text: {type: string} would keep it",
        ),
        (
            "a.b:type=",
            {"X": 1.0},
            "- bean: 'a.b:type='\n  measurement: a_b\n  fields:\n    X: x",
        ),
    ],
    ids=["names that are taken", "dots and quotes", "a type that is empty"],
)
def test_suggestion_changes_names_that_are_taken_or_special(
    name: str, values: Mapping[str, Value], expected: str
) -> None:
    """Names that every point has get a suffix, names that YAML would convert get quotes."""
    rule = suggest(ObjectName.parse(name), values)
    assert rule == expected
    assert settings(rule).mbeans["new"]


@pytest.mark.parametrize("name", ["A" * 201, "two\nlines"])
def test_suggestion_leaves_out_names_that_cannot_be_keys(name: str) -> None:
    """An attribute, or an item of a composite, that is too long or not printable."""
    values: dict[str, Value] = {
        name: 1.0,
        "Usage": Composite({name: 2.0, "": 3.0, "text": "up", "used": 4.0}),
    }
    rule = suggest(ObjectName.parse("a:type=T"), values)
    assert rule.splitlines()[2:] == ["  fields:", "    Usage.used: usage_used"]
    assert settings(rule).mbeans["new"]
