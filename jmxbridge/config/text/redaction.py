"""Parts of a file that must not be shown.

Rule: whatever may be a secret counts as one. In a file that is YAML these are the values under keys
that name a secret, spelt right or wrong (`tokn`). In the sections where secrets belong they are
also the values under keys that resemble none of the section's harmless keys.

A text that is not YAML has only lines. A line that looks like a secret is hidden to its end, and so
are the deeper lines below it; in the section where secrets belong only keys are shown.
"""

import difflib
import re
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from jmxbridge.config.text import tree
from jmxbridge.config.text.interpolation import names_a_variable
from jmxbridge.config.text.tree import Entry, Mapping, Node, Scalar

Columns: TypeAlias = tuple[int, int]
"""A part of one line: first column, and the column after the last."""

SECRET_SECTION = "influxdb"  # noqa: S105  a key of the file
HARMLESS = ("url", "bucket", "org", "username", "token_file", "password_file")
HARMLESS_OF_SASL = (
    *("mechanism", "username", "client_id", "token_url", "scope", "region"),
    *("password_file", "client_secret_file", "token_ca_file"),
    *("service", "principal", "keytab_file"),
)
SECRETS = ("token", "password", "client_secret", "key_password")

_WORDS = "passw|passphrase|pwd|secret|credential|jaas|(?:api|private)_?key"
_SECRET_KEY = re.compile(rf"(?i)token|{_WORDS}|^(?:pass|auth)$")
# Repeats are bounded because a line may be as long as a file.
_SECRET_LINE = re.compile(
    rf"(?i)(?P<head>.*?(?:tok\w{{0,20}}n|{_WORDS}|\b(?:pass|auth)\b)[\w.-]{{0,80}}[\"']?\s*:\s*)"
)
_KEY = re.compile(r"[\s-]*[^\s:]*:?\s*")
_WORD = re.compile(r"[^\s/\"']+")
_QUERY = re.compile(r"[?&](?P<key>[\w.-]+)=(?P<value>[^\s&\"'#]*)")
# InfluxDB's tokens have 86 to 88; file names are shorter, or have a dot or a folder.
_TOKEN = re.compile(r"[\w=+-]{40,}")
_BREAKS_A_URL = re.compile(r"[\s/@\"']")


def is_secret(key: str) -> bool:
    """Return whether the value of this key must not be shown."""
    if key.endswith(("_file", "_url")):
        return False
    close = difflib.get_close_matches(key.lower(), SECRETS, n=1, cutoff=0.75)
    return bool(_SECRET_KEY.search(key) or close)


def is_token(file_name: str) -> bool:
    """Return whether the value of a `*_file` key is most likely the secret itself."""
    return _TOKEN.fullmatch(file_name) is not None


def secrets_of_tree(root: Node) -> Iterator[Scalar]:
    """Yield the scalars that are secrets, each node once however many aliases lead to it."""
    todo: list[tuple[Node, bool]] = [(root, False), *_values_in_secret_sections(root)]
    seen: set[tuple[int, bool]] = set()
    while todo:
        node, secret = todo.pop()
        if (id(node), secret) in seen:
            continue
        seen.add((id(node), secret))
        if isinstance(node, Scalar):
            is_shown = not secret or names_a_variable(node.text)
            if not is_shown or _is_torn_url(node.text):
                yield node
        elif isinstance(node, tree.Sequence):
            todo.extend((item, secret) for item in node.items)
        else:
            entries = (*node.entries, *node.unread)
            todo.extend((entry.value, secret or _hides_value(entry)) for entry in entries)


def _hides_value(entry: Entry) -> bool:
    key, value = entry.key.text, entry.value
    if isinstance(value, Scalar) and is_token(value.text):
        key = key.removesuffix("_file")
    return is_secret(key)


def secrets_of_line(lines: Sequence[str], number: int) -> list[Columns]:
    """Return the secrets of a line, counted from 0, of a text that is not YAML."""
    line = lines[number] if number < len(lines) else ""
    match = _SECRET_LINE.match(line)
    if match is not None:
        return [(match.end("head"), len(line))]
    headings = list(_headings(lines, number))
    if any(_SECRET_LINE.match(heading) for heading in headings):
        return [(_indent(line), len(line))]
    key = _KEY.match(line)
    if key is not None and any(heading.startswith(SECRET_SECTION) for heading in headings):
        return [(key.end(), len(line))]
    return []


def logins_of_urls(line: str) -> list[Columns]:
    """Return user and password of every URL and address in a line, and secrets of queries."""
    logins = []
    for word in _WORD.finditer(line):
        login, at_sign, _ = word[0].rpartition("@")
        if at_sign and (":" in login or line.startswith("//", max(0, word.start() - 2))):
            logins.append((word.start(), word.start() + len(login)))
    for parameter in _QUERY.finditer(line):
        # InfluxDB 1.x takes the password as p.
        if parameter["key"] == "p" or is_secret(parameter["key"]):
            logins.append(parameter.span("value"))
    return logins


def _is_torn_url(text: str) -> bool:
    """Return whether a password in a URL or address has characters that stop `logins_of_urls`."""
    login, at_sign, _ = text.rpartition("@")
    _, scheme, rest = login.partition("://")
    login = rest if scheme else login
    return bool(at_sign and ":" in login and _BREAKS_A_URL.search(login))


def _headings(lines: Sequence[str], number: int) -> Iterator[str]:
    """Yield the lines that a line is indented under, the nearest first."""
    indent = _indent(lines[number]) if number < len(lines) else 0
    for line in reversed(lines[:number]):
        if line.strip() and _indent(line) < indent:
            indent = _indent(line)
            yield line


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" -"))


def _values_in_secret_sections(root: Node) -> Iterator[tuple[Node, bool]]:
    """Yield the values of the sections where secrets belong, each with whether it is one."""
    for harmless, section in (
        (HARMLESS, _under(root, SECRET_SECTION)),
        (HARMLESS_OF_SASL, _under(_under(root, "kafka"), "sasl")),
    ):
        if not isinstance(section, Mapping):
            continue
        for entry in (*section.entries, *section.unread):
            close = difflib.get_close_matches(entry.key.text, (*harmless, *SECRETS), n=1)
            yield entry.value, not close or close[0] not in harmless


def _under(node: Node | None, key: str) -> Node | None:
    entry = node.get(key) if isinstance(node, Mapping) else None
    return None if entry is None else entry.value
