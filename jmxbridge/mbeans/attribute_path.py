r"""Attribute paths in a file: an attribute of an MBean, and names inside a composite value.

`HeapMemoryUsage.used` is attribute HeapMemoryUsage, then `used` inside it. A backslash escapes a
character: `a\.b` is the attribute `a.b`. `{key}` in an attribute's name matches any text, which
then counts as a key property of that name: `{topic}-{partition}\.records-lag` is how Kafka's
consumers before 2.0 named the lag of a partition. The first `{key}` matches as much as possible, so
a topic may contain the dash that separates it from the partition.
"""

import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r"\\(?P<literal>[\\.{}])|(?P<dot>\.)|\{(?P<key>[^{}\\]*)\}|(?P<bad>[\\{}])|.", re.S
)


class BadPath(ValueError):
    """A malformed path; `position` is the character at fault (0-based)."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


@dataclass(frozen=True, slots=True)
class AttributePath:
    """An attribute and names inside it, or a pattern for attributes with the `keys` it captures.

    With a pattern, `attribute` is the unparsed text of the path.
    """

    attribute: str
    inner: tuple[str, ...] = ()
    pattern: re.Pattern[str] | None = None
    keys: tuple[str, ...] = ()


def parse_path(text: str) -> AttributePath:
    """Parse a path; raises BadPath."""
    names = [""]
    keys: list[str] = []
    regex = ""
    for token in _TOKEN.finditer(text):
        if token["bad"]:
            raise BadPath(_BAD[token["bad"]], token.start())
        if token["dot"]:
            names.append("")
        elif token["key"] is not None:
            _check_key(token, names, keys)
            keys.append(token["key"])
            names[-1] += token[0]
            regex += "(.+)"
        else:
            char = token["literal"] or token[0]
            names[-1] += char
            regex += re.escape(char) if len(names) == 1 else ""
    if "" in names:
        message = r"a name is missing next to the dot; write Attribute, Composite.key or with\.dot"
        raise BadPath(message, 0)
    pattern = re.compile(regex, re.DOTALL) if keys else None
    attribute = text if keys else names[0]
    return AttributePath(attribute, tuple(names[1:]), pattern, tuple(keys))


_BAD = {
    "\\": "a backslash can only escape . { } or itself",
    "{": r"a brace without its partner; \{ is a brace",
    "}": r"a brace without its partner; \} is a brace",
}


def _check_key(token: re.Match[str], names: list[str], keys: list[str]) -> None:
    key = token["key"]
    if not key:
        raise BadPath("{} needs the name of a key", token.start())
    if len(names) > 1:
        raise BadPath("{key} can only be in the attribute's own name", token.start())
    if key in keys:
        raise BadPath(f"{{{key}}} is there twice", token.start())
    if names[-1].endswith("}") and keys:
        raise BadPath("two {key} need something between them", token.start())
