"""The text of one file, and how to point into it.

Rule: every excerpt of the file that anybody gets to see is cut here, without what
`config.redaction` hides, in one line of a terminal.
"""

import re
from dataclasses import replace

from jmxbridge.config.text import redaction
from jmxbridge.config.text.problem import Problem
from jmxbridge.config.text.tree import Node, Span

MASK = "***"
# What a terminal shows in one line beside the line number.
MAX_WIDTH = 110

_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # PyYAML's line breaks
_NOT_SHOWN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # one column each, as before


class Source:
    """One file's lines. Until `hide_secrets` is told of a tree, the text counts as not YAML."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.lines = _LINE_BREAK.split(text)
        self._hidden: dict[int, list[redaction.Columns]] | None = None
        self._included: dict[str, Source] = {}

    def include(self, other: "Source") -> None:
        """Know another file, whose spans carry its name."""
        self._included[other.file] = other

    def of(self, span: Span) -> "Source":
        """Return the file that a span is of."""
        return self._included[span.file] if span.file else self

    def hide_secrets(self, root: Node) -> None:
        """Hide what the tree says is secret, in every line of it."""
        self._hidden = {}
        for scalar in redaction.of_tree(root):
            span = scalar.span
            for number in range(span.line, span.end_line + 1):
                start = span.column if number == span.line else 0
                end = span.end_column if number == span.end_line else len(self.line(number))
                self._hidden.setdefault(number, []).append((start, end))

    def line(self, number: int) -> str:
        """Return a line, counted from 0; empty beyond the end."""
        return self.lines[number] if number < len(self.lines) else ""

    def problem(
        self, span: Span, where: str, message: str, suggestion: str | None = None
    ) -> Problem:
        """Point at a span; a login in what the message quotes is masked."""
        if span.file:
            there = replace(span, file="")
            return self.of(span).problem(there, where, message, suggestion)
        end = span.end_column if span.end_line == span.line else len(self.line(span.line))
        text, caret = self.excerpt(span.line, span.column, max(1, end - span.column))
        message = _masked(message, redaction.of_urls(message))
        return Problem(
            self.file, span.line + 1, span.column + 1, where, message, text, caret, suggestion
        )

    def excerpt(self, number: int, column: int, width: int) -> tuple[str, tuple[int, int]]:
        """Return the line as it may be shown, and where the caret goes in it."""
        line = self.line(number)
        if self._hidden is None:
            hidden = redaction.of_lines(self.lines, number)
        else:
            hidden = self._hidden.get(number, [])
        shown, caret_at, caret_end, position = "", column, column + width, 0
        for start, end in sorted([*hidden, *redaction.of_urls(line)]):
            if start < position or start >= end:
                continue
            shown += line[position:start] + MASK
            shift = len(MASK) - (end - start)
            caret_at = _moved(column, caret_at, start, end, shift)
            caret_end = _moved(column + width, caret_end, start, end, shift)
            position = end
        shown = _NOT_SHOWN.sub("\ufffd", (shown + line[position:]).replace("\t", " "))
        return _clipped(shown, caret_at, max(1, caret_end - caret_at))


def _masked(text: str, hidden: list[redaction.Columns]) -> str:
    for start, end in sorted(hidden, reverse=True):
        text = text[:start] + MASK + text[end:]
    return text


def _moved(original: int, moved: int, start: int, end: int, shift: int) -> int:
    """Where a column goes when [start, end) becomes the mask."""
    if original <= start:
        return moved
    return moved + shift if original >= end else moved - (original - start)


def _clipped(line: str, at: int, width: int) -> tuple[str, tuple[int, int]]:
    if len(line) > MAX_WIDTH:
        start = max(0, at - MAX_WIDTH // 2)
        head = "…" if start else ""
        tail = "…" if start + MAX_WIDTH < len(line) else ""
        line = head + line[start : start + MAX_WIDTH] + tail
        at = at - start + len(head)
    return line, (at, max(1, min(width, len(line) - at)))
