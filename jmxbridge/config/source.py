"""The text of one file, and how to point into it without showing a secret.

Rule: every excerpt of the file that anybody gets to see is cut here. Where the file is a tree, the
values under keys that name a secret are masked, and so is what is under a key misspelt from one
(`tokn`). Where it is not YAML at all, lines that look like one of those are masked to their end,
and so are the deeper lines that follow them.
"""

import difflib
import re
from collections.abc import Iterator

from jmxbridge.config.interpolation import names_a_variable
from jmxbridge.config.problem import Problem
from jmxbridge.config.tree import Entry, Mapping, Node, Scalar, Sequence, Span

MASK = "***"
# What a terminal shows in one line beside the line number.
MAX_WIDTH = 110

_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # PyYAML's line breaks
_SECRET_KEY = re.compile(r"(?i)token|passw|secret|credential|api_?key")
_SECRET_LINE = re.compile(
    r"(?i)^(?P<head>.*?[\w-]*(?:tok\w*n|passw|pwd|secret|credential|api_?key)[\w-]*[\"']?\s*:\s*)(?P<value>\S.*)?$"
)
_USERINFO = re.compile(r"(?<=//)[^/\s@]*(?=@)")


def is_secret(key: str) -> bool:
    """Tell whether what stands under this key must not be shown."""
    if key.endswith("_file"):
        return False
    close = difflib.get_close_matches(key.lower(), ("token", "password"), n=1, cutoff=0.75)
    return bool(_SECRET_KEY.search(key) or close)


class Source:
    """One file's lines; `hide` what the tree says is secret, then ask for problems."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.lines = _LINE_BREAK.split(text)
        self.hidden: dict[int, list[tuple[int, int]]] = {}
        self.is_tree = False

    def hide_secrets(self, root: Node) -> None:
        """Mask every scalar below a key that names a secret."""
        self.is_tree = True
        for scalar in _secrets(root):
            for line in range(scalar.span.line, scalar.span.end_line + 1):
                start = scalar.span.column if line == scalar.span.line else 0
                end = (
                    scalar.span.end_column if line == scalar.span.end_line else len(self.line(line))
                )
                self.hidden.setdefault(line, []).append((start, end))

    def line(self, number: int) -> str:
        """Return a line, counted from 0; empty beyond the end."""
        return self.lines[number] if number < len(self.lines) else ""

    def problem(
        self, span: Span, where: str, message: str, suggestion: str | None = None
    ) -> Problem:
        """Point at a span."""
        end = span.end_column if span.end_line == span.line else len(self.line(span.line))
        text, caret = self.excerpt(span.line, span.column, max(1, end - span.column))
        return Problem(
            self.file, span.line + 1, span.column + 1, where, message, text, caret, suggestion
        )

    def excerpt(self, number: int, column: int, width: int) -> tuple[str, tuple[int, int]]:
        """Return the line as it may be shown, and where the caret goes in it."""
        line = self.line(number)
        spans = sorted(self.hidden.get(number, ())) if self.is_tree else self.guess(number)
        spans += [match.span() for match in _USERINFO.finditer(line)]
        shown, caret_at, caret_end, position = "", column, column + width, 0
        for start, end in sorted(spans):
            if start < position or start >= end:
                continue
            shown += line[position:start] + MASK
            shift = len(MASK) - (end - start)
            caret_at = _moved(column, caret_at, start, end, shift)
            caret_end = _moved(column + width, caret_end, start, end, shift)
            position = end
        shown = (shown + line[position:]).replace("\t", " ")
        return _clipped(shown, caret_at, max(1, caret_end - caret_at))

    def guess(self, number: int) -> list[tuple[int, int]]:
        """Return what looks secret in a line of a text that is not YAML."""
        line = self.line(number)
        match = _SECRET_LINE.match(line)
        if match is not None:
            return [(match.end("head"), len(line))]
        first = indent = _indent(line)
        for above in reversed(self.lines[:number]):
            if above.strip() and _indent(above) < indent:
                indent = _indent(above)
                if _SECRET_LINE.match(above):
                    return [(first, len(line))]
        return []


def _moved(original: int, moved: int, start: int, end: int, shift: int) -> int:
    """Where a column goes when [start, end) becomes the mask."""
    if original <= start:
        return moved
    return moved + shift if original >= end else moved - (original - start)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" -"))


def _clipped(line: str, at: int, width: int) -> tuple[str, tuple[int, int]]:
    if len(line) > MAX_WIDTH:
        start = max(0, at - MAX_WIDTH // 2)
        head = "…" if start else ""
        tail = "…" if start + MAX_WIDTH < len(line) else ""
        line = head + line[start : start + MAX_WIDTH] + tail
        at = at - start + len(head)
    return line, (at, max(1, min(width, len(line) - at)))


def _secrets(root: Node) -> Iterator[Scalar]:
    """Scalars that are secrets; each node once, however many aliases lead to it."""
    todo: list[tuple[Node, bool]] = [(root, False)]
    seen: set[tuple[int, bool]] = set()
    while todo:
        node, secret = todo.pop()
        if (id(node), secret) in seen:
            continue
        seen.add((id(node), secret))
        if isinstance(node, Scalar):
            if secret and not names_a_variable(node.text):
                yield node
        else:
            todo.extend((child, secret or hidden) for child, hidden in _children(node))


def _children(node: Sequence | Mapping) -> list[tuple[Node, bool]]:
    if isinstance(node, Sequence):
        return [(item, False) for item in node.items]
    return [(entry.value, _hides(entry)) for entry in node.entries]


def _hides(entry: Entry) -> bool:
    return is_secret(entry.key.text)
