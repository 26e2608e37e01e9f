"""Nodes to models, and pydantic's errors as problems of the file."""

from collections.abc import Mapping
from typing import Annotated, Literal

import pytest
from pydantic import Field

from jmxbridge.config.model.model_reader import ModelReader
from jmxbridge.config.model.models import Section
from jmxbridge.config.text.problem import InvalidValue
from jmxbridge.config.text.source import Source
from jmxbridge.config.text.tree import Node, Scalar
from jmxbridge.config.text.yaml_parser import compose
from jmxbridge.config.values.scalars import Count, TagName, Text, one_or_many


class Inner(Section):
    """A section inside another."""

    x: Text
    y: Count = 1


class Outer(Section):
    """A section with each kind of value."""

    name: Text = "none"
    inner: Inner | None = None
    texts: Annotated[tuple[Text, ...], one_or_many, Field(min_length=1)] = ("none",)
    tags: Mapping[TagName, Text] = {}
    inners: tuple[Inner, ...] = ()
    kind: Literal["a"] = "a"


def parsed(text: str) -> tuple[ModelReader, Node]:
    """Return a reader of a text, and its root."""
    source = Source("f.yaml", text)
    root = compose(text).root
    assert root is not None
    return ModelReader(source, {"SET": "value", "EMPTY": ""}), root


def read(text: str) -> tuple[Outer | None, list[str]]:
    """Return the model of a text, and its problems as `key path: message`."""
    reader, root = parsed(text)
    section = reader.read(Outer, root, ())
    return section, [f"{problem.where}: {problem.message}" for problem in reader.problems]


def test_read_a_valid_section() -> None:
    """Texts become the types of their keys, with variables replaced."""
    section, reported = read("name: ${SET}\ninner: {x: 1, y: 2}\ntexts: a\ntags: {dc: eu}\n")

    assert reported == []
    assert section == Outer(name="value", inner=Inner(x="1", y=2), texts=("a",), tags={"dc": "eu"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nam: a", ["nam: unknown key"]),
        (
            "xyz: a",
            ["xyz: unknown key; known here: name, inner, texts, tags, inners, kind"],
        ),
        ("inner: {z: 1, x: 1}", ["inner.z: unknown key; known here: x, y"]),
        ("inner: {y: 2}", ['inner: "x" is missing']),
        ("inners: [{y: 2}]", ['inners[0]: "x" is missing']),
        ("inner: {X: 1}", ["inner.X: unknown key"]),
        ("inner: text", ["inner: wants a mapping (key: value), got text"]),
        ("tags: [a]", ["tags: wants a mapping (key: value), got a list"]),
        ("inners: text", ["inners: wants a list, got text"]),
        ("inners: {a: b}", ["inners: wants a list, got a mapping"]),
        ("name: [a]", ["name: wants text, got a list"]),
        ("name:", ["name: has no value: give one, or leave it out"]),
        (
            "name: ${NOPE}",
            ["name: environment variable NOPE is not set; set it, or write ${NOPE:-"],
        ),
        ("texts: []", ["texts: is empty"]),
        ("texts: ['', b]", ["texts[0]: is empty"]),
        ("texts: ['']", ["texts[0]: is empty"]),
        ("tags: {time: x}", ["tags.time: time is InfluxDB's own column"]),
        ("tags: {a: ''}", ["tags.a: is empty"]),
        ("kind: b", ["kind: Input should be 'a'"]),
        ("a: &a {y: ''}\ninner: *a", ["a: unknown key; known here: ", 'inner: "x" is missing']),
    ],
)
def test_read_reports_each_mistake_once(text: str, expected: list[str]) -> None:
    """The path of keys, and a message in the words of the file."""
    section, reported = read(text)

    assert section is None
    matches = [
        problem.startswith(start) for problem, start in zip(reported, expected, strict=False)
    ]
    assert all(matches), reported


def test_read_reports_an_aliased_scalar_once() -> None:
    """The node is one, however many aliases lead to it."""
    _, reported = read("name: &a ${NOPE}\ntexts: [*a, *a]\n")

    assert len(reported) == 1


def test_read_partly_keeps_what_is_valid() -> None:
    """A key that is unknown or wrong is left out; checks see the rest."""
    reader, root = parsed("name: a\ntags: {time: x, dc: eu}\nxyz: b\ninner: {x: 1, y: no}\n")

    section = reader.read_partly(Outer, root, ())

    assert section is not None
    assert (section.name, section.tags, section.inner) == ("a", {"dc": "eu"}, Inner(x="1"))
    assert len(reader.problems) == 3


@pytest.mark.parametrize("text", ["{y: 2}", "text", "[a]"])
def test_read_partly_may_leave_nothing(text: str) -> None:
    """A section without a key that it needs, and one that is no mapping, have no model."""
    reader, root = parsed(text)

    assert reader.read_partly(Inner, root, ("inner",)) is None
    assert len(reader.problems) == 1


def test_items_of_a_list() -> None:
    """A missing list has no items; another node is reported."""
    reader, root = parsed("[a, b]")

    assert len(reader.items(root, ("x",))) == 2
    assert reader.items(None, ("x",)) == ()
    assert reader.problems == []
    _, text = parsed("a")
    assert reader.items(text, ("x",)) == ()
    assert [problem.where for problem in reader.problems] == ["x"]


def test_text_of_a_scalar() -> None:
    """Variables are replaced; a list has no text, nor has a scalar that is reported."""
    reader, root = parsed("${SET}")
    assert reader.text(root) == "value"
    reader, root = parsed("[a]")
    assert reader.text(root) is None
    reader, root = parsed("name: ${NOPE}")
    with pytest.raises(InvalidValue, match="NOPE"):
        reader.text(value_of(root))
    reader.read(Outer, root, ())
    assert reader.text(value_of(root)) is None


def value_of(root: Node) -> Node:
    """Return the value of the first key of a mapping."""
    assert not isinstance(root, Scalar)
    (entry, *_) = root.entries  # type: ignore[union-attr]
    return entry.value


@pytest.mark.parametrize(
    ("text", "column", "width"),
    [
        ("a: 'bcde'", 7, 1),
        ("a: bcde", 6, 1),
        (r'a: "b\u0063de"', 4, 11),
        ("a: 'b\n  cde'", 4, 2),
        ("a: |\n  bcde", 4, 1),
    ],
)
def test_add_points_at_a_character(text: str, column: int, width: int) -> None:
    """Where the file has the text in another form, the whole scalar is marked."""
    reader, root = parsed(text)

    reader.add(value_of(root), ("a",), "no", position=2)

    (problem,) = reader.problems
    assert (problem.column, problem.caret[1]) == (column, width)


def test_add_points_at_a_scalar_with_a_variable() -> None:
    """A position counts in the replaced text, so it leads nowhere in the file's."""
    reader, root = parsed("name: ${SET}/x\n")
    reader.read(Outer, root, ())

    reader.add(value_of(root), ("name",), "no", position=6)

    assert (reader.problems[0].column, reader.problems[0].caret[1]) == (7, 8)


def test_warn_is_no_problem() -> None:
    """A warning has its severity, and goes to another list."""
    reader, root = parsed("a: b")

    reader.warn(root, ("a",), "odd")

    assert reader.problems == []
    assert [str(warning).splitlines()[0] for warning in reader.warnings] == [
        "f.yaml:1:1: warning: a: odd"
    ]


def test_add_unknown_key_returns_what_was_meant() -> None:
    """The suggestion is also in the problem."""
    reader, root = parsed("nam: b")
    assert not isinstance(root, Scalar)
    key = root.entries[0].key  # type: ignore[union-attr]

    assert reader.add_unknown_key(key, ("nam",), ["name"]) == "name"
    assert reader.problems[0].suggestion == "name"
