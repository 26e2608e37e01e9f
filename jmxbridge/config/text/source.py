"""Text of one file, and excerpts that point into it.

Rule: every excerpt of a file that is shown to a person is cut here, in one line of a terminal,
without the secrets that `redaction` finds.
"""

import re
from dataclasses import replace

from jmxbridge.config.text import redaction
from jmxbridge.config.text.problem import Problem
from jmxbridge.config.text.tree import Node, Span

MASK = "***"
# Columns of a terminal that are left next to the line number.
MAX_WIDTH = 110

_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # PyYAML's line breaks
_NOT_SHOWN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # one column each, as before


class Source:
    """Lines of one file; until `hide_secrets` gets a tree, the text counts as not YAML."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.lines = _LINE_BREAK.split(text)
        self._hidden: dict[int, list[redaction.Columns]] | None = None
        self._included: dict[str, Source] = {}

    def include(self, other: "Source") -> None:
        """Add a file that this one includes, so that spans with its name are found."""
        self._included[other.file] = other

    def of(self, span: Span) -> "Source":
        """Return the file of a span: this one, or one that it includes."""
        return self._included[span.file] if span.file else self

    def hide_secrets(self, root: Node) -> None:
        """Hide the secrets of a tree, in every line of each."""
        self._hidden = {}
        for scalar in redaction.secrets_of_tree(root):
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
        """Return a problem at a span; logins that the message quotes are masked."""
        if span.file:
            own_span = replace(span, file="")
            return self.of(span).problem(own_span, where, message, suggestion)
        end = span.end_column if span.end_line == span.line else len(self.line(span.line))
        text, caret = self.excerpt(span.line, span.column, max(1, end - span.column))
        message = _masked(message, redaction.logins_of_urls(message))
        return Problem(
            self.file, span.line + 1, span.column + 1, where, message, text, caret, suggestion
        )

    def excerpt(self, number: int, column: int, width: int) -> tuple[str, tuple[int, int]]:
        """Return a line as it may be shown, and the caret (offset, width) for columns of it."""
        line = self.line(number)
        if self._hidden is None:
            hidden = redaction.secrets_of_line(self.lines, number)
        else:
            hidden = self._hidden.get(number, [])
        text, caret_start, caret_end, position = "", column, column + width, 0
        for start, end in sorted([*hidden, *redaction.logins_of_urls(line)]):
            if start < position or start >= end:
                continue
            text += line[position:start] + MASK
            shift = len(MASK) - (end - start)
            caret_start = _moved(column, caret_start, start, end, shift)
            caret_end = _moved(column + width, caret_end, start, end, shift)
            position = end
        text = _NOT_SHOWN.sub("\ufffd", (text + line[position:]).replace("\t", " "))
        return _clipped(text, caret_start, max(1, caret_end - caret_start))


def _masked(text: str, hidden: list[redaction.Columns]) -> str:
    for start, end in sorted(hidden, reverse=True):
        text = text[:start] + MASK + text[end:]
    return text


def _moved(original: int, moved: int, start: int, end: int, shift: int) -> int:
    """Return where a column is after [start, end) became the mask."""
    if original <= start:
        return moved
    return moved + shift if original >= end else moved - (original - start)


def _clipped(line: str, offset: int, width: int) -> tuple[str, tuple[int, int]]:
    """Cut a long line around the caret."""
    if len(line) > MAX_WIDTH:
        start = max(0, offset - MAX_WIDTH // 2)
        head = "…" if start else ""
        tail = "…" if start + MAX_WIDTH < len(line) else ""
        line = head + line[start : start + MAX_WIDTH] + tail
        offset = offset - start + len(head)
    return line, (offset, max(1, min(width, len(line) - offset)))
