"""Explanations of YAML's syntax errors, for the person who wrote the file.

PyYAML tells what its parser expected: "expected <block end>, but found '<scalar>'". The functions
here tell which mistake leads there, and how to fix it. An error that none of them knows keeps
PyYAML's message.
"""

import re
from collections.abc import Callable
from typing import TypeAlias

import yaml
from yaml import Mark

ExplainedError: TypeAlias = tuple[Mark | None, str]
"""The mark for the caret, and the message."""

_IN_A_VALUE = re.compile(r"^[\s\-?]*[^\s:][^:]*:\s+\S")


def explain(error: yaml.MarkedYAMLError) -> ExplainedError:
    """Return what is wrong in a text that is not YAML, and where."""
    mark = error.problem_mark or error.context_mark
    if mark is not None:
        for explain_one in EXPLAINERS:
            explanation = explain_one(error, mark)
            if explanation is not None:
                return explanation
    message = ", ".join(part for part in (error.context, error.problem) if part)
    return mark, "not YAML: " + message.replace(r"'\x00'", "the end of the file")


def _around(mark: Mark) -> tuple[str, str]:
    """Return the character before a mark, and the one at it; `\\0` at the end of the text."""
    buffer = mark.buffer or "\0"
    pointer = min(mark.pointer, len(buffer) - 1)
    return buffer[max(0, pointer - 1) : pointer], buffer[pointer]


def _line_before(mark: Mark) -> str:
    """Return the part of the line that is before a mark."""
    text = (mark.buffer or "")[: mark.pointer]
    return text[len(text) - mark.column :] if mark.column else ""


def _variable(error: yaml.MarkedYAMLError, mark: Mark) -> ExplainedError | None:
    if "".join(_around(mark)) != "${":
        return None
    return mark, "quote a text with ${…} inside { } or [ ]"


def _tab(error: yaml.MarkedYAMLError, mark: Mark) -> ExplainedError | None:
    if _around(mark)[1] != "\t":
        return None
    return mark, "not YAML: a tab; indent with spaces"


def _bracket(error: yaml.MarkedYAMLError, mark: Mark) -> ExplainedError | None:
    """Explain an error inside { } or [ ] by the bracket that is open."""
    opened, problem = error.context_mark, error.problem or ""
    if opened is None or "while parsing a flow" not in (error.context or ""):
        return None
    at_end = "<stream end>" in problem
    bracket = _around(opened)[1]
    if bracket not in ("{", "["):
        return (mark, "not YAML: the file ends inside [ ] or { }") if at_end else None
    if at_end:
        return opened, f"not YAML: this {bracket} is never closed"
    closing = {"{": "}", "[": "]"}[bracket]
    place = f"line {opened.line + 1}, column {opened.column + 1}"
    return mark, f"not YAML: a comma or {closing} should be here, for the {bracket} at {place}"


def _quote(error: yaml.MarkedYAMLError, mark: Mark) -> ExplainedError | None:
    if error.problem != "found unexpected end of stream" or error.context_mark is None:
        return None
    return error.context_mark, "not YAML: the quote that begins here is never closed"


def _escape(error: yaml.MarkedYAMLError, mark: Mark) -> ExplainedError | None:
    if "unknown escape character" not in (error.problem or ""):
        return None
    return mark, "not YAML: no such escape in \"…\": write \\\\ for a backslash, or use '…'"


def _colon(error: yaml.MarkedYAMLError, mark: Mark) -> ExplainedError | None:
    if error.problem != "mapping values are not allowed here":
        return None
    if _IN_A_VALUE.match(_line_before(mark)):
        return mark, "not YAML: a second colon in this line: put the value in quotes"
    message = "this line is indented as if it continued the value above it: indent keys equally"
    return mark, f"not YAML: {message}"


def _first_character(error: yaml.MarkedYAMLError, mark: Mark) -> ExplainedError | None:
    if "that cannot start any token" not in (error.problem or ""):
        return None
    return mark, f"not YAML: a value cannot begin with {_around(mark)[1]}: put it in quotes"


def _anchor(error: yaml.MarkedYAMLError, mark: Mark) -> ExplainedError | None:
    signs = {"while scanning an alias": "*", "while scanning an anchor": "&"}
    sign = signs.get(error.context or "")
    if sign is None:
        return None
    return error.context_mark, f"not YAML: put a value that begins with {sign} in quotes"


def _key(error: yaml.MarkedYAMLError, mark: Mark) -> ExplainedError | None:
    if error.context != "while scanning a simple key":
        return None
    return error.context_mark, "not YAML: a colon is missing in this line: write key: value"


def _text_block(error: yaml.MarkedYAMLError, mark: Mark) -> ExplainedError | None:
    start = error.context_mark
    if start is None or error.context != "while scanning a block scalar":
        return None
    return start, f"not YAML: put a value that begins with {_around(start)[1]} in quotes"


def _block(error: yaml.MarkedYAMLError, mark: Mark) -> ExplainedError | None:
    """Explain a line that does not continue the list or the mapping above it."""
    above = error.context_mark
    if above is None or "expected <block end>" not in (error.problem or ""):
        return None
    before = _line_before(mark).rstrip()
    if before.endswith(("'", '"')):
        hint = "; inside '…' a ' is written ''" if before.endswith("'") else ""
        return mark, f"not YAML: text after the closing quote: quote the whole value{hint}"
    if _around(mark)[1] == ":" and not before.strip("- "):
        return mark, "not YAML: a key is missing before the colon"
    is_list = error.context == "while parsing a block collection"
    if is_list and above.column == mark.column:
        message = f"a - is missing: the list at line {above.line + 1} begins in this column"
        return mark, f"not YAML: {message}"
    kind = "list" if is_list else "key"
    message = f"the {kind} at line {above.line + 1} begins in column {above.column + 1}"
    return mark, f"not YAML: this indentation matches no line above it: {message}"


def _after_root(error: yaml.MarkedYAMLError, mark: Mark) -> ExplainedError | None:
    if "expected '<document start>'" not in (error.problem or ""):
        return None
    return mark, "not YAML: this line does not continue the value above it: indent keys equally"


EXPLAINERS: tuple[Callable[[yaml.MarkedYAMLError, Mark], ExplainedError | None], ...] = (
    *(_variable, _tab, _bracket, _quote, _escape, _colon, _first_character, _anchor),
    *(_key, _text_block, _block, _after_root),
)
"""Functions that explain an error or return None, in the order they are asked."""
