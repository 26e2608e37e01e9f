"""YAML parser: text in, a tree of nodes out.

PyYAML's parser gives events with marks. They are composed here instead of by PyYAML's Composer,
which does not find duplicate keys, does not bound size and nesting, and does not count an alias as
what it expands to before anything walks it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import yaml
from yaml import events

from jmxbridge.config.text.tree import Entry, Mapping, Node, Scalar, Sequence, Span
from jmxbridge.config.text.yaml_errors import explain

# A rule is 7 deep (mbeans, set, rule, fields, field, states, state); Python's stack holds more.
MAX_DEPTH = 32
# Nodes with every alias expanded. 1,000 targets and 1,000 rules need about 30,000.
MAX_NODES = 100_000

_TOO_LARGE_ESCAPE = re.compile(r"\\U(?!0010|000)[0-9A-Fa-f]{8}")


@dataclass(frozen=True, slots=True)
class Fault:
    """A mistake in the YAML of a file, and its place."""

    span: Span
    message: str


class NotYaml(Exception):
    """The text is not one YAML document; `fault` tells why."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Document:
    """The root (None: nothing but comments), and the faults that did not end the reading."""

    root: Node | None
    faults: tuple[Fault, ...]


def compose(text: str, file: str = "") -> Document:
    """Return the tree of one YAML document; raises NotYaml for a text that is none.

    `file` is the name of an included file, for the spans.
    """
    try:
        return _Composer(iter(yaml.parse(text, Loader=yaml.SafeLoader)), file).document()
    except yaml.reader.ReaderError as error:
        message = f"character U+{error.character:04X} is not allowed in YAML"
        raise NotYaml(Fault(_span_of_offset(text, error.position), message)) from None
    except yaml.MarkedYAMLError as error:
        raise NotYaml(_grammar_fault(error)) from None
    except (OverflowError, ValueError):  # PyYAML passes the number of any escape to chr()
        escape = _TOO_LARGE_ESCAPE.search(text)
        span = _span_of_offset(text, escape.start() if escape else 0)
        raise NotYaml(Fault(span, "not YAML: an escape beyond U+10FFFF")) from None


def _grammar_fault(error: yaml.MarkedYAMLError) -> Fault:
    mark, message = explain(error)
    return Fault(_span(mark, mark), message)


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
    """Makes nodes of events. State: the events to come, the anchors seen, the nodes counted."""

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
                unread.append(Entry(_as_scalar(key), value))
            elif (first := entries.get(key.text)) is not None:
                place = first.key.span.seen_from(key.span)
                message = f"duplicate key: {_shown(key.text)} is already in {place}"
                self.faults.append(Fault(key.span, message))
                unread.append(Entry(key, value))
            else:
                entries[key.text] = Entry(key, value)
        return Mapping(_joined(span, self.span(event)), tuple(entries.values()), tuple(unread))


def _joined(start: Span, last: Span) -> Span:
    return replace(start, end_line=last.end_line, end_column=last.end_column)


def _scalar(event: events.ScalarEvent, span: Span) -> Scalar:
    quote = {None: 0, "": 0, "'": 1, '"': 1}.get(event.style)
    return Scalar(span, event.value, plain=quote == 0, quote=quote)


def _as_scalar(key: Node) -> Scalar:
    """Return a key to keep an unread value under, so that its secrets are found."""
    return key if isinstance(key, Scalar) else Scalar(key.span, "", plain=False, quote=None)


def _shown(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"


def _why_not_a_key(key: Node) -> str:
    if isinstance(key, Scalar) and key.text == "<<":
        return "merge keys (<<) are not part of YAML 1.2; name several sets in `collect` instead"
    if isinstance(key, Scalar):
        return "a key is missing before the colon"
    return "a key must be plain text"
