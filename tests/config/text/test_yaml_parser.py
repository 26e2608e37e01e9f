"""YAML to nodes: places, faults, and limits that hold before memory or stack are spent."""

import pytest
import yaml

from jmxbridge.config.text.tree import Mapping, Node, Scalar, Sequence, Span
from jmxbridge.config.text.yaml_parser import MAX_DEPTH, MAX_NODES, NotYaml, compose


def root_of(text: str) -> Mapping:
    """Return the root of a text that is a mapping."""
    root = compose(text).root
    assert isinstance(root, Mapping)
    return root


def value(text: str, key: str = "a") -> Node:
    """Return what stands under a key of the root."""
    entry = root_of(text).get(key)
    assert entry is not None
    return entry.value


@pytest.mark.parametrize(
    "text",
    ["yes", "no", "on", "22:30", "1.10", "0x1F", "0777", "1_000", "2026-01-01", "1e3", ".inf"],
)
def test_a_scalar_is_its_text(text: str) -> None:
    """A boolean, a number or a date of other YAML is text here."""
    scalar = value(f"a: {text}")

    assert isinstance(scalar, Scalar)
    assert scalar.text == text


@pytest.mark.parametrize(("text", "null"), [("a:", True), ("a: ~", True), ("a: ''", False)])
def test_missing_value_is_not_an_empty_text(text: str, null: bool) -> None:
    """A key without a value differs from one with an empty text."""
    scalar = value(text)

    assert isinstance(scalar, Scalar)
    assert scalar.is_null is null


def test_every_node_knows_its_place() -> None:
    """Keys, values, lists and mappings have lines and columns, from 0."""
    root = root_of('key: "value"\nlist:\n  - one\n  - {two: 2}\n')

    assert [entry.key.span for entry in root.entries] == [Span(0, 0, 0, 3), Span(1, 0, 1, 4)]
    assert root.entries[0].value.span == Span(0, 5, 0, 12)
    items = root.entries[1].value
    assert isinstance(items, Sequence)
    assert [item.span for item in items.items] == [Span(2, 4, 2, 7), Span(3, 4, 3, 12)]


def test_an_alias_is_the_node_itself() -> None:
    """A problem of an anchored value is reported where the value is written, once."""
    root = root_of("a: &x [1]\nb: *x\n")

    assert root.entries[0].value is root.entries[1].value


def test_a_duplicate_key_keeps_the_first() -> None:
    """The second of two equal keys is a fault, and its value is ignored."""
    document = compose("a: 1\nb: 2\na: 3\n")

    assert [fault.span for fault in document.faults] == [Span(2, 0, 2, 1)]
    assert value("a: 1\na: 3\n") == value("a: 1")


def test_nesting_has_a_limit() -> None:
    """The limit itself is allowed; one level more is refused, and a million as fast as one."""
    assert compose("[" * MAX_DEPTH + "]" * MAX_DEPTH).root

    for depth in (MAX_DEPTH + 1, 10**6):
        with pytest.raises(NotYaml, match="nested deeper"):
            compose("[" * depth + "]")


def test_nesting_through_aliases_has_the_same_limit() -> None:
    """A chain of aliases, each a few levels deep, cannot build a deeper tree than nesting can."""
    chain = ["a0: &a0 [x]"] + [f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, MAX_DEPTH)]

    with pytest.raises(NotYaml, match="nested deeper"):
        compose("\n".join(chain))


def test_size_has_a_limit_with_aliases_expanded() -> None:
    """Aliases of aliases are counted, not walked."""
    bomb = ["a0: &a0 [x, x]"] + [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 25)]

    with pytest.raises(NotYaml, match=f"{MAX_NODES:,}"):
        compose("\n".join(bomb))


def test_an_alias_inside_its_own_anchor_is_refused() -> None:
    """A value cannot contain itself."""
    with pytest.raises(NotYaml, match="no such anchor"):
        compose("a: &a [*a]")


@pytest.mark.parametrize("text", ["", "# nothing\n", "\n\n"])
def test_a_text_without_a_value_has_no_root(text: str) -> None:
    """An empty file is a document without a root, not a syntax error."""
    assert compose(text).root is None


@pytest.mark.parametrize(
    ("text", "message", "span"),
    [
        ("a: b\n---\nc: d", "a second document", Span(1, 0, 1, 3)),
        ("a: b\nc: \x01d", "character U+0001 is not allowed in YAML", Span(1, 3, 1, 4)),
        ('a: "\\U00110000"', "an escape beyond U+10FFFF", Span(0, 4, 0, 5)),
        ("a: *b", "no such anchor above", Span(0, 3, 0, 5)),
        ("a: [b", "this [ is never closed", Span(0, 3, 0, 3)),
    ],
)
def test_text_that_is_not_one_document_is_refused(text: str, message: str, span: Span) -> None:
    """The fault is at the character that ends the reading."""
    with pytest.raises(NotYaml, match=message.replace("[", r"\[").replace("+", r"\+")) as caught:
        compose(text)

    assert caught.value.fault.span == span


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: !t b", "YAML tags (!…) have no meaning here: leave it out"),
        ("<<: {a: b}", "merge keys (<<) are not part of YAML 1.2"),
        ("? [a]\n: b", "a key must be plain text"),
        ("~: b", "a key is missing before the colon"),
        (f"{'k' * 70}: 1\n{'k' * 70}: 2", f"duplicate key: {'k' * 59}… is already in line 1"),
    ],
)
def test_fault_does_not_end_the_reading(text: str, message: str) -> None:
    """The rest of the file is read, so that other mistakes are reported with this one."""
    document = compose(text)

    (fault,) = document.faults
    assert message in fault.message
    assert document.root is not None


def test_spans_of_an_included_file_have_its_name() -> None:
    """Every node, and every fault, names the file that it is in."""
    document = compose("a: !t [b]\n", "teams/a.yaml")

    assert document.root is not None
    assert document.root.span.file == "teams/a.yaml"
    assert [fault.span.file for fault in document.faults] == ["teams/a.yaml"]


def test_error_without_a_place_is_at_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyYAML's errors may lack a mark."""

    def fail(text: str, **options: object) -> None:
        raise yaml.MarkedYAMLError(problem="something")

    monkeypatch.setattr(yaml, "parse", fail)

    with pytest.raises(NotYaml) as caught:
        compose("a: b")

    assert caught.value.fault.span == Span(0, 0, 0, 1)
