"""What ends the reading of a text as YAML, said to the person who wrote it.

PyYAML says what its parser wanted: "expected <block end>, but found '<scalar>'". Here is what that
comes of. Whatever is not in the table is said in PyYAML's words.
"""

import re
from collections.abc import Callable

import yaml
from yaml import Mark

Said = tuple[Mark | None, str]
"""Where the caret goes, and what is wrong there."""

_IN_A_VALUE = re.compile(r"^[\s\-?]*[^\s:][^:]*:\s+\S")


def explain(error: yaml.MarkedYAMLError) -> Said:
    """Say what is wrong and how to mend it."""
    mark = error.problem_mark or error.context_mark
    if mark is not None:
        for known in KNOWN:
            found = known(error, mark)
            if found is not None:
                return found
    said = ", ".join(part for part in (error.context, error.problem) if part)
    return mark, "not YAML: " + said.replace(r"'\x00'", "the end of the file")


def _at(mark: Mark) -> tuple[str, str]:
    """The character before a mark, and the one at it; `\\0` at the end of the text."""
    buffer = mark.buffer or "\0"
    pointer = min(mark.pointer, len(buffer) - 1)
    return buffer[max(0, pointer - 1) : pointer], buffer[pointer]


def _before(mark: Mark) -> str:
    """What stands in the line before a mark."""
    text = (mark.buffer or "")[: mark.pointer]
    return text[len(text) - mark.column :] if mark.column else ""


def _variable(error: yaml.MarkedYAMLError, mark: Mark) -> Said | None:
    if "".join(_at(mark)) != "${":
        return None
    return mark, "quote a text that holds ${…} when it stands inside { } or [ ]"


def _tab(error: yaml.MarkedYAMLError, mark: Mark) -> Said | None:
    return (mark, "not YAML: a tab; indent with spaces") if _at(mark)[1] == "\t" else None


def _bracket(error: yaml.MarkedYAMLError, mark: Mark) -> Said | None:
    """Inside { } or [ ]: what is open, and where."""
    opened, problem = error.context_mark, error.problem or ""
    if opened is None or "while parsing a flow" not in (error.context or ""):
        return None
    ended = "<stream end>" in problem
    bracket = _at(opened)[1]
    if bracket not in ("{", "["):
        return (mark, "not YAML: the file ends inside [ ] or { }") if ended else None
    if ended:
        return opened, f"not YAML: this {bracket} is never closed"
    closing = {"{": "}", "[": "]"}[bracket]
    place = f"line {opened.line + 1}, column {opened.column + 1}"
    return mark, f"not YAML: a comma or {closing} should be here, for the {bracket} of {place}"


def _quote(error: yaml.MarkedYAMLError, mark: Mark) -> Said | None:
    if error.problem != "found unexpected end of stream" or error.context_mark is None:
        return None
    return error.context_mark, "not YAML: the quote that begins here is never closed"


def _escape(error: yaml.MarkedYAMLError, mark: Mark) -> Said | None:
    if "unknown escape character" not in (error.problem or ""):
        return None
    return mark, "not YAML: no such escape in \"…\": write \\\\ for a backslash, or use '…'"


def _colon(error: yaml.MarkedYAMLError, mark: Mark) -> Said | None:
    if error.problem != "mapping values are not allowed here":
        return None
    if _IN_A_VALUE.match(_before(mark)):
        return mark, "not YAML: a second colon in this line: put the value in quotes"
    said = "this line is indented like a part of the value above it: indent keys alike"
    return mark, f"not YAML: {said}"


def _beginning(error: yaml.MarkedYAMLError, mark: Mark) -> Said | None:
    if "that cannot start any token" not in (error.problem or ""):
        return None
    return mark, f"not YAML: a value cannot begin with {_at(mark)[1]}: put it in quotes"


def _name(error: yaml.MarkedYAMLError, mark: Mark) -> Said | None:
    sign = {"while scanning an alias": "*", "while scanning an anchor": "&"}.get(
        error.context or ""
    )
    if sign is None:
        return None
    return error.context_mark, f"not YAML: put a value that begins with {sign} in quotes"


def _key(error: yaml.MarkedYAMLError, mark: Mark) -> Said | None:
    if error.context != "while scanning a simple key":
        return None
    return error.context_mark, "not YAML: a colon is missing in this line: write key: value"


def _text_block(error: yaml.MarkedYAMLError, mark: Mark) -> Said | None:
    begin = error.context_mark
    if begin is None or error.context != "while scanning a block scalar":
        return None
    return begin, f"not YAML: put a value that begins with {_at(begin)[1]} in quotes"


def _block(error: yaml.MarkedYAMLError, mark: Mark) -> Said | None:
    """Something that does not go on what stands above it."""
    above = error.context_mark
    if above is None or "expected <block end>" not in (error.problem or ""):
        return None
    before = _before(mark).rstrip()
    if before.endswith(("'", '"')):
        inside = "; inside '…' a ' is written ''" if before.endswith("'") else ""
        said = f"text behind the closing quote: put all of the value in quotes{inside}"
        return mark, f"not YAML: {said}"
    if _at(mark)[1] == ":" and not before.strip("- "):
        return mark, "not YAML: a key is missing before the colon"
    a_list = error.context == "while parsing a block collection"
    if a_list and above.column == mark.column:
        said = f"a - is missing: the list of line {above.line + 1} begins in this column"
        return mark, f"not YAML: {said}"
    what = "list" if a_list else "key"
    said = f"the {what} of line {above.line + 1} begins in column {above.column + 1}"
    return mark, f"not YAML: this line is indented like none above it: {said}"


KNOWN: tuple[Callable[[yaml.MarkedYAMLError, Mark], Said | None], ...] = (
    *(_variable, _tab, _bracket, _quote, _escape, _colon, _beginning, _name),
    *(_key, _text_block, _block),
)
