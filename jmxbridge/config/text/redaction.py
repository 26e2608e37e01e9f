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

from jmxbridge.config.text.interpolation import names_a_variable
from jmxbridge.config.text.tree import Entry, Mapping, Node, Scalar
from jmxbridge.config.text.tree import Sequence as List

# Columns of one line, end exclusive.
Columns: TypeAlias = tuple[int, int]

SECRETIVE = "influxdb"
HARMLESS = ("url", "bucket", "org", "username", "token_file", "password_file")
HARMLESS_OF_SASL = (
    *("mechanism", "username", "client_id", "token_url", "scope", "region"),
    *("password_file", "client_secret_file", "token_ca_file"),
    *("service", "principal", "keytab_file"),
)
SECRETS = ("token", "password", "client_secret", "key_password")

_WORDS = "passw|passphrase|pwd|secret|credential|jaas|(?:api|private)_?key"
_SECRET_KEY = re.compile(rf"(?i)token|{_WORDS}|^(?:pass|auth)$")
# Bounded, for a line may be as long as a file.
_SECRET_LINE = re.compile(
    rf"(?i)(?P<head>.*?(?:tok\w{{0,20}}n|{_WORDS}|\b(?:pass|auth)\b)[\w.-]{{0,80}}[\"']?\s*:\s*)"
)
_KEY = re.compile(r"[\s-]*[^\s:]*:?\s*")
_WORD = re.compile(r"[^\s/\"']+")
_QUERY = re.compile(r"[?&](?P<key>[\w.-]+)=(?P<value>[^\s&\"'#]*)")
# Of InfluxDB's 86 to 88; names of files are shorter, or have a dot or a folder.
_TOKEN = re.compile(r"[\w=+-]{40,}")
_BREAKS_A_URL = re.compile(r"[\s/@\"']")


def is_secret(key: str) -> bool:
    """Tell whether what stands under this key must not be shown."""
    if key.endswith(("_file", "_url")):
        return False
    close = difflib.get_close_matches(key.lower(), SECRETS, n=1, cutoff=0.75)
    return bool(_SECRET_KEY.search(key) or close)


def is_itself(name: str) -> bool:
    """Tell whether what should name a secret's file most likely is the secret: a token."""
    return _TOKEN.fullmatch(name) is not None


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
            shown = not secret or names_a_variable(node.text)
            if not shown or _is_torn_url(node.text):
                yield node
        elif isinstance(node, List):
            todo.extend((item, secret) for item in node.items)
        else:
            entries = (*node.entries, *node.unread)
            todo.extend((e.value, secret or _hides(e)) for e in entries)


def _hides(entry: Entry) -> bool:
    key, value = entry.key.text, entry.value
    if isinstance(value, Scalar) and is_itself(value.text):
        key = key.removesuffix("_file")
    return is_secret(key)


def of_lines(lines: Sequence[str], number: int) -> list[Columns]:
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


def of_urls(line: str) -> list[Columns]:
    """Return user and password of every URL and address in a line, and those in a query."""
    found = []
    for word in _WORD.finditer(line):
        login, at, _ = word[0].rpartition("@")
        if at and (":" in login or line.startswith("//", max(0, word.start() - 2))):
            found.append((word.start(), word.start() + len(login)))
    for each in _QUERY.finditer(line):
        if each["key"] == "p" or is_secret(each["key"]):  # u and p are those of InfluxDB 1.x
            found.append(each.span("value"))
    return found


def _is_torn_url(text: str) -> bool:
    """Tell a URL or address whose password has characters that end one for a reader of lines."""
    login, at, _ = text.rpartition("@")
    _, scheme, rest = login.partition("://")
    login = rest if scheme else login
    return bool(at and ":" in login and _BREAKS_A_URL.search(login))


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
        if not isinstance(section, Mapping):
            continue
        for entry in (*section.entries, *section.unread):
            close = difflib.get_close_matches(entry.key.text, (*harmless, *SECRETS), n=1)
            yield entry.value, not close or close[0] not in harmless


def _inside(node: Node | None, key: str) -> Node | None:
    """Return what stands under a key."""
    entry = node.get(key) if isinstance(node, Mapping) else None
    return None if entry is None else entry.value
