"""Which parts of a file must not be shown.

Rule: what may be a secret is one. In a file that is a tree these are the values under keys that
name a secret, rightly or misspelt (`tokn`), and in the sections where secrets belong also those
under keys that resemble none of their harmless ones. A text that is not YAML has lines at best: one
that looks like a secret is hidden to its end, and so are the deeper ones below it, and of the
section where secrets belong only keys are left.
"""

import difflib
import re
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from jmxbridge.config.interpolation import names_a_variable
from jmxbridge.config.tree import Mapping, Node, Scalar
from jmxbridge.config.tree import Sequence as List

# Columns of one line, end exclusive.
Part: TypeAlias = tuple[int, int]

SECRETIVE = "influxdb"
HARMLESS = ("url", "bucket", "org", "username", "token_file", "password_file")
HARMLESS_OF_SASL = (
    *("mechanism", "username", "client_id", "token_url", "scope", "region"),
    *("password_file", "client_secret_file", "token_ca_file"),
    *("service", "principal", "keytab_file"),
)
SECRETS = ("token", "password", "client_secret", "key_password")

_SECRET_KEY = re.compile(r"(?i)token|passw|secret|credential|api_?key")
_SECRET_LINE = re.compile(
    r"(?i)(?P<head>.*?[\w-]*(?:tok\w*n|passw|pwd|secret|credential|api_?key)[\w-]*[\"']?\s*:\s*)"
)
_KEY = re.compile(r"[\s-]*[^\s:]*:?\s*")
_USERINFO = re.compile(r"(?<=//)[^/\s@]*(?=@)|[^\s/\"']*:[^\s/@\"']*(?=@)")


def is_secret(key: str) -> bool:
    """Tell whether what stands under this key must not be shown."""
    if key.endswith(("_file", "_url")):
        return False
    close = difflib.get_close_matches(key.lower(), SECRETS, n=1, cutoff=0.75)
    return bool(_SECRET_KEY.search(key) or close)


def of_tree(root: Node) -> Iterator[Scalar]:
    """Yield scalars that are secrets; each node once, however many aliases lead to it."""
    todo: list[tuple[Node, bool]] = [(root, False), *_unknown_in_section(root)]
    seen: set[tuple[int, bool]] = set()
    while todo:
        node, secret = todo.pop()
        if (id(node), secret) in seen:
            continue
        seen.add((id(node), secret))
        if isinstance(node, Scalar):
            if secret and not names_a_variable(node.text):
                yield node
        elif isinstance(node, List):
            todo.extend((item, secret) for item in node.items)
        else:
            todo.extend((e.value, secret or is_secret(e.key.text)) for e in node.entries)


def of_lines(lines: Sequence[str], number: int) -> list[Part]:
    """Return what to hide of a line of a text that is not YAML."""
    line = lines[number] if number < len(lines) else ""
    match = _SECRET_LINE.match(line)
    if match is not None:
        return [(match.end("head"), len(line))]
    above = list(_headings(lines, number))
    if any(_SECRET_LINE.match(heading) for heading in above):
        return [(_indent(line), len(line))]
    key = _KEY.match(line)
    if key is not None and any(heading.startswith(SECRETIVE) for heading in above):
        return [(key.end(), len(line))]
    return []


def of_urls(line: str) -> list[Part]:
    """Return user and password of every URL in a line."""
    return [match.span() for match in _USERINFO.finditer(line)]


def _headings(lines: Sequence[str], number: int) -> Iterator[str]:
    """Yield the lines that a line is indented under, the nearest first."""
    indent = _indent(lines[number]) if number < len(lines) else 0
    for line in reversed(lines[:number]):
        if line.strip() and _indent(line) < indent:
            indent = _indent(line)
            yield line


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" -"))


def _unknown_in_section(root: Node) -> Iterator[tuple[Node, bool]]:
    for harmless, section in (
        (HARMLESS, _inside(root, SECRETIVE)),
        (HARMLESS_OF_SASL, _inside(_inside(root, "kafka"), "sasl")),
    ):
        for entry in section.entries if isinstance(section, Mapping) else ():
            close = difflib.get_close_matches(entry.key.text, (*harmless, *SECRETS), n=1)
            yield entry.value, not close or close[0] not in harmless


def _inside(node: Node | None, key: str) -> Node | None:
    """Return what stands under a key."""
    entry = node.get(key) if isinstance(node, Mapping) else None
    return None if entry is None else entry.value
