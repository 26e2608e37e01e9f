r"""How a file names what it wants of an MBean: an attribute, and a path into a composite.

`HeapMemoryUsage.used` is attribute HeapMemoryUsage, then `used` inside it. A backslash takes a
character as it is: `a\.b` is the attribute `a.b`. `{key}` in an attribute's name stands for any
text, which then counts as a key property of that name: `{topic}-{partition}\.records-lag` is how
Kafka's consumers before 2.0 named the lag of a partition. As much as possible goes to the first
`{key}`, so a topic may hold the dash that parts it from the partition.
"""

import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r"\\(?P<literal>[\\.{}])|(?P<dot>\.)|\{(?P<key>[^{}\\]*)\}|(?P<bad>[\\{}])|.", re.S
)


class BadPath(ValueError):
    """What is wrong with a path, and at which character of it (0-based)."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


@dataclass(frozen=True, slots=True)
class AttributePath:
    """An attribute and names inside it; or a pattern for attributes, with the `keys` it captures.

    Of a pattern `attribute` is the whole path as it is written.
    """

    attribute: str
    inner: tuple[str, ...] = ()
    pattern: re.Pattern[str] | None = None
    keys: tuple[str, ...] = ()


def parse_path(text: str) -> AttributePath:
    """Read a path; raises BadPath."""
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
        said = r"a name is missing beside the dot; write Attribute, Composite.key or with\.dot"
        raise BadPath(said, 0)
    pattern = re.compile(regex, re.DOTALL) if keys else None
    attribute = text if keys else names[0]
    return AttributePath(attribute, tuple(names[1:]), pattern, tuple(keys))


_BAD = {
    "\\": r"a backslash stands before one of . { } \ only",
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
