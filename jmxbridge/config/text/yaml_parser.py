"""YAML text to a tree of nodes.

PyYAML's parser gives events with marks; composing them here rather than with its Composer keeps
three promises its own does not make: duplicate keys are found, size and nesting are bounded, and
an alias counts as what it expands to before anything walks it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import yaml
from yaml import events

from jmxbridge.config.text.tree import Entry, Mapping, Node, Scalar, Sequence, Span
from jmxbridge.config.text.yaml_errors import explain

# A rule is 7 deep (mbeans, set, rule, fields, field, states, state); the stack holds far more.
MAX_DEPTH = 32
# Nodes with every alias expanded. 1,000 targets and 1,000 rules need about 30,000.
MAX_NODES = 100_000

_TOO_LARGE_ESCAPE = re.compile(r"\\U(?!0010|000)[0-9A-Fa-f]{8}")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with the text as YAML, and where."""

    span: Span
    message: str


class NotYaml(Exception):
    """The text cannot be read as one YAML document; carries one fault."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Document:
    """The root (None: nothing but comments) and faults that did not stop the reading."""

    root: Node | None
    faults: tuple[Fault, ...]


def compose(text: str, file: str = "") -> Document:
    """Read one YAML document; raise NotYaml where its grammar ends the reading.

    `file` is what the places of an included file are of.
    """
    try:
        return _Composer(iter(yaml.parse(text, Loader=yaml.SafeLoader)), file).document()
    except yaml.reader.ReaderError as error:
        said = f"character U+{error.character:04X} is not allowed in YAML"
        raise NotYaml(Fault(_span_of_offset(text, error.position), said)) from None
    except yaml.MarkedYAMLError as error:
        raise NotYaml(_grammar_fault(error)) from None
    except (OverflowError, ValueError):  # PyYAML hands such an escape to chr() as it is
        escape = _TOO_LARGE_ESCAPE.search(text)
        said = "not YAML: an escape beyond U+10FFFF"
        raise NotYaml(Fault(_span_of_offset(text, escape.start() if escape else 0), said)) from None


def _grammar_fault(error: yaml.MarkedYAMLError) -> Fault:
    mark, said = explain(error)
    return Fault(_span(mark, mark), said)


class _Mark(Protocol):
    line: int
    column: int


def _span(start: _Mark | None, end: _Mark | None) -> Span:
    if start is None or end is None:
        return Span(0, 0, 0, 1)
    return Span(start.line, start.column, end.line, end.column)


def _span_of_offset(text: str, offset: object) -> Span:
    before = text[: offset if isinstance(offset, int) else 0]
    line = before.count("\n")
    column = len(before) - (before.rfind("\n") + 1)
    return Span(line, column, line, column + 1)


class _Composer:
    """Events to nodes. State: the events still to come, anchors seen, nodes counted."""

    def __init__(self, stream: Iterator[events.Event], file: str) -> None:
        self.stream = stream
        self.file = file
        self.anchors: dict[str, Node] = {}
        self.faults: list[Fault] = []
        self.nodes = 0

    def document(self) -> Document:
        next(self.stream)  # StreamStart
        event = next(self.stream)
        if isinstance(event, events.StreamEndEvent):
            return Document(None, ())
        root = self.node(next(self.stream), 1)
        next(self.stream)  # DocumentEnd
        event = next(self.stream)
        if not isinstance(event, events.StreamEndEvent):
            fault = Fault(self.span(event), "a second document: one file is one YAML document")
            raise NotYaml(fault)
        return Document(root, tuple(self.faults))

    def node(self, event: events.Event, depth: int) -> Node:
        span = self.span(event)
        self.check_depth(depth, span)
        if isinstance(event, events.AliasEvent):
            return self.alias(event, span, depth)
        if getattr(event, "tag", None) is not None:
            self.faults.append(Fault(span, "YAML tags (!…) have no meaning here: leave it out"))
        self.count(1, span)
        node: Node
        if isinstance(event, events.ScalarEvent):
            node = _scalar(event, span)
        elif isinstance(event, events.SequenceStartEvent):
            node = self.sequence(span, depth)
        else:
            node = self.mapping(span, depth)
        anchor = getattr(event, "anchor", None)
        if anchor is not None:
            self.anchors[anchor] = node
        return node

    def span(self, event: events.Event) -> Span:
        span = _span(event.start_mark, event.end_mark)
        return replace(span, file=self.file) if self.file else span

    def alias(self, event: events.AliasEvent, span: Span, depth: int) -> Node:
        target = self.anchors.get(event.anchor or "")
        if target is None:
            raise NotYaml(Fault(span, "no such anchor above; quote a text that begins with *"))
        self.count(target.size, span)
        self.check_depth(depth + target.height - 1, span)
        return target

    def check_depth(self, depth: int, span: Span) -> None:
        if depth > MAX_DEPTH:
            raise NotYaml(Fault(span, f"nested deeper than {MAX_DEPTH} levels"))

    def count(self, nodes: int, span: Span) -> None:
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            raise NotYaml(Fault(span, f"more than {MAX_NODES:,} values with aliases expanded"))

    def sequence(self, span: Span, depth: int) -> Sequence:
        items: list[Node] = []
        while not isinstance(event := next(self.stream), events.SequenceEndEvent):
            items.append(self.node(event, depth + 1))
        return Sequence(_joined(span, self.span(event)), tuple(items))

    def mapping(self, span: Span, depth: int) -> Mapping:
        entries: dict[str, Entry] = {}
        unread: list[Entry] = []
        while not isinstance(event := next(self.stream), events.MappingEndEvent):
            key = self.node(event, depth + 1)
            value = self.node(next(self.stream), depth + 1)
            if not isinstance(key, Scalar) or key.is_null or key.text == "<<":
                self.faults.append(Fault(key.span, _why_not_a_key(key)))
                unread += [Entry(key, value)] if isinstance(key, Scalar) else []
            elif (first := entries.get(key.text)) is not None:
                there = first.key.span.seen_from(key.span)
                said = f"duplicate key: {_shown(key.text)} is already in {there}"
                self.faults.append(Fault(key.span, said))
                unread.append(Entry(key, value))
            else:
                entries[key.text] = Entry(key, value)
        where = _joined(span, self.span(event))
        return Mapping(where, tuple(entries.values()), tuple(unread))


def _joined(start: Span, last: Span) -> Span:
    return replace(start, end_line=last.end_line, end_column=last.end_column)


def _scalar(event: events.ScalarEvent, span: Span) -> Scalar:
    quote = {None: 0, "": 0, "'": 1, '"': 1}.get(event.style)
    return Scalar(span, event.value, plain=quote == 0, quote=quote)


def _shown(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"


def _why_not_a_key(key: Node) -> str:
    if isinstance(key, Scalar) and key.text == "<<":
        return "merge keys (<<) are not part of YAML 1.2; name several sets in `collect` instead"
    if isinstance(key, Scalar):
        return "a key is missing before the colon"
    return "a key must be plain text"
