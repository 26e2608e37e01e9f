"""ObjectNames: the names of MBeans, and the patterns that match them.

Rule: parsing, canonical form and matching of `javax.management.ObjectName` live here; no other
module may take a name apart with `split`.

Grammar (javadoc of ObjectName): `domain:key=value,key=value`. A domain may contain anything except
`:` and newline. A key is not empty and contains none of `, = : * ?` and newline. A value is plain
(none of `, = : "` and newline; it may be empty) or quoted; in quotes `\\" \\\\ \\* \\? \\n` are the
only escapes. `*` and `?` make a domain or a value a pattern, also inside quotes unless escaped; one
`*` in place of a property leaves the set of keys open. The empty text means `*:*`.

The JDK accepts two errors that its own javadoc forbids: any character in place of the comma after a
quoted value, and a comma after a closing `*`. This module rejects both.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

_QUOTED_OPEN = r'"[^"\\\n]*(?:\\["\\?*n][^"\\\n]*)*'
_KEY = re.compile(r"[^=,:*?\n]*")
_PLAIN_VALUE = re.compile(r'[^,=:"\n]*')
_QUOTED_VALUE = re.compile(_QUOTED_OPEN)
_PROPERTY = re.compile(rf'([^=,:*?\n]+)=({_QUOTED_OPEN}"|[^,=:"\n]*)(?:,|\Z)')
_ESCAPED = re.compile(r"\\.")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "*": "\\*", "?": "\\?", "\n": "\\n"}
_UNESCAPES = {escape[1]: char for char, escape in _ESCAPES.items()}

# Compiled wildcards: more than any file of rules has, bounded for programs that generate names.
_CACHED_WILDCARDS = 4096
# Keys, domains and most values recur in many names: sharing one object of each saves a fifth of the
# memory. The cache takes at most 2 MB.
_CACHED_TEXTS = 16_384
_NO_KEYS: frozenset[str] = frozenset()  # shared by all names: an empty set takes 216 bytes


class MalformedObjectName(ValueError):
    """The text is not an ObjectName; `position` is the 0-based offset of the error in it."""

    def __init__(self, text: str, position: int, problem: str) -> None:
        super().__init__(f"ObjectName {text!r}: at character {position + 1}: {problem}")
        self.text = text
        self.position = position
        self.problem = problem


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ObjectName:
    """The name of an MBean, or a pattern for such names; made by `parse`.

    Two names are equal if their canonical forms are: the order of properties does not matter.
    `properties` maps key to value as written, with quotes and escapes, in the order written.
    `canonical` has the keys in Java's order; `text` is the text that was parsed.
    """

    text: str
    domain: str
    properties: Mapping[str, str]
    canonical: str
    is_domain_pattern: bool
    is_property_list_pattern: bool
    wildcard_keys: frozenset[str]

    @classmethod
    def parse(cls, text: str) -> "ObjectName":
        """Parse a name or pattern; raises MalformedObjectName."""
        domain, properties, open_keys = _parts(text or "*:*")
        wildcards = frozenset(key for key, value in properties.items() if _has_wildcard(value))
        return cls(
            text=text,
            domain=_shared(domain),
            properties=MappingProxyType(properties),
            canonical=_canonical(domain, properties, open_keys),
            is_domain_pattern="*" in domain or "?" in domain,
            is_property_list_pattern=open_keys,
            wildcard_keys=wildcards or _NO_KEYS,
        )

    @property
    def is_pattern(self) -> bool:
        """Whether this is a pattern, not the name of one MBean."""
        return self.is_property_list_pattern or self.is_domain_pattern or bool(self.wildcard_keys)

    def value(self, key: str) -> str | None:
        """Return the value of `key` without quotes and escapes; None if there is no such key.

        A value that is a wildcard is returned as written.
        """
        value = self.properties.get(key)
        if value is None or not value.startswith('"') or key in self.wildcard_keys:
            return value
        return unquote(value)

    def matches(self, name: "ObjectName") -> bool:
        """Return whether this pattern matches `name`, or this name equals it.

        Like `ObjectName.apply`, it matches no pattern. Like the JDK, it compares values as written:
        `*` and `?` of a quoted wildcard match the characters of escapes, so `?` does not match
        `\\n`, which is two characters.
        """
        if name.is_pattern:
            return False
        if self.canonical == name.canonical:
            return True
        if self.domain != name.domain and not (
            self.is_domain_pattern and _wildcard_matches(self.domain, name.domain)
        ):
            return False
        return self._matches_properties(name.properties)

    def _matches_properties(self, others: Mapping[str, str]) -> bool:
        if len(others) != len(self.properties) and not self.is_property_list_pattern:
            return False
        for key, value in self.properties.items():
            other = others.get(key)
            if other is None:
                return False
            if other != value and not (
                key in self.wildcard_keys and _wildcard_matches(value, other)
            ):
                return False
        return True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ObjectName) and self.canonical == other.canonical

    def __hash__(self) -> int:
        return hash(self.canonical)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"ObjectName({self.text!r})"


def quote(text: str) -> str:
    """Return `text` as a quoted value; any text can be quoted."""
    return '"' + "".join(_ESCAPES.get(char, char) for char in text) + '"'


def unquote(text: str) -> str:
    """Reverse `quote`; raises ValueError if `text` is not a quoted value."""
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        raise ValueError(f"not a quoted value: {text!r}")
    chars = []
    rest = iter(text[1:-1])
    for char in rest:
        if char == "\\":
            escape = next(rest, "")
            if escape not in _UNESCAPES:
                raise ValueError(f"bad escape \\{escape} in quoted value {text!r}")
            chars.append(_UNESCAPES[escape])
        elif char in _ESCAPES:
            raise ValueError(f"{char!r} is not escaped in quoted value {text!r}")
        else:
            chars.append(char)
    return "".join(chars)


def _parts(text: str) -> tuple[str, dict[str, str], bool]:
    """Return domain, properties as written, and whether a `*` leaves the set of keys open."""
    domain, colon, _ = text.partition(":")
    if (newline := domain.find("\n")) >= 0:
        raise MalformedObjectName(text, newline, "a domain cannot hold a newline")
    if not colon:
        raise MalformedObjectName(text, len(text), "expected ':' after the domain")
    properties: dict[str, str] = {}
    open_keys = False
    position = len(domain) + 1
    while position < len(text):
        if text[position] == "*":
            if open_keys:
                raise MalformedObjectName(text, position, "a second '*' in the property list")
            open_keys = True
            position = _end_of_star(text, position)
        else:
            position = _add_property(text, position, properties)
        if position == len(text) and text[-1] != ",":
            return domain, properties, open_keys
    raise MalformedObjectName(text, len(text), "expected a key property")


def _add_property(text: str, position: int, properties: dict[str, str]) -> int:
    """Add the property at `position` to `properties`; return the offset after it and its comma."""
    match = _PROPERTY.match(text, position)
    if match is None:
        raise _malformed_property(text, position)
    key, value = match.groups()
    if key in properties:
        raise MalformedObjectName(text, position, f"key {key!r} is already there")
    properties[_shared(key)] = _shared(value)
    return match.end()


@lru_cache(maxsize=_CACHED_TEXTS)
def _shared(text: str) -> str:
    """Return the cached object that equals `text`."""
    return text


def _end_of_star(text: str, position: int) -> int:
    following = text[position + 1 : position + 2]
    if following not in ("", ","):
        raise MalformedObjectName(text, position + 1, "expected ',' or the end after '*'")
    return position + 1 + len(following)


def _malformed_property(text: str, position: int) -> MalformedObjectName:
    """Return the error for the property at `position`, which is malformed."""
    key_end = _end_of(_KEY, text, position)
    if key_end == len(text):
        return MalformedObjectName(text, key_end, f"expected '=' after key {text[position:]!r}")
    if text[key_end] != "=":
        return MalformedObjectName(text, key_end, f"{text[key_end]!r} cannot be in a key")
    if key_end == position:
        return MalformedObjectName(text, key_end, "empty key")
    value_start = key_end + 1
    if text.startswith('"', value_start):
        return _malformed_quotes(text, _end_of(_QUOTED_VALUE, text, value_start))
    value_end = _end_of(_PLAIN_VALUE, text, value_start)
    problem = f"{text[value_end]!r} can only be in a quoted value"
    return MalformedObjectName(text, value_end, problem)


def _malformed_quotes(text: str, end: int) -> MalformedObjectName:
    """Return the error for a quoted value that is well-formed up to `end`."""
    if end == len(text):
        return MalformedObjectName(text, end, "the quoted value is not closed")
    if text[end] == "\n":
        return MalformedObjectName(text, end, "a newline in a quoted value is written \\n")
    if text[end] == "\\":
        escape = text[end : end + 2]
        problem = f'bad escape {escape!r}: only \\\\ \\" \\* \\? \\n are escapes'
        return MalformedObjectName(text, end, problem)
    return MalformedObjectName(text, end + 1, "expected ',' or the end after a quoted value")


def _end_of(pattern: re.Pattern[str], text: str, position: int) -> int:
    match = pattern.match(text, position)
    return position if match is None else match.end()


def _canonical(domain: str, properties: Mapping[str, str], open_keys: bool) -> str:
    items = [f"{key}={properties[key]}" for key in sorted(properties, key=_java_order)]
    if open_keys:
        items.append("*")
    return f"{domain}:{','.join(items)}"


def _java_order(text: str) -> bytes:
    """Return a sort key in the order of `String.compareTo`: by UTF-16 code unit, not code point."""
    return text.encode("utf-16-be", "surrogatepass")


def _has_wildcard(value: str) -> bool:
    if "*" not in value and "?" not in value:
        return False
    if value.startswith('"'):
        value = _ESCAPED.sub("", value)
    return "*" in value or "?" in value


def _wildcard_matches(pattern: str, text: str) -> bool:
    return _wildcard(pattern).fullmatch(_code_units(text)) is not None


@lru_cache(maxsize=_CACHED_WILDCARDS)
def _wildcard(pattern: str) -> re.Pattern[str]:
    """Compile `*` and `?`; each `*` matches as little as possible and never backtracks.

    The first place where the next literal part matches is as good as any later one, so no match is
    lost, and no text, however long, is slow to match.
    """
    first, *rest = [re.escape(part).replace(r"\?", ".") for part in _code_units(pattern).split("*")]
    if not rest:
        return re.compile(first, re.DOTALL)
    *middle, last = rest
    return re.compile(first + "".join(f"(?>.*?{part})" for part in middle) + ".*" + last, re.DOTALL)


def _code_units(text: str) -> str:
    """Replace supplementary characters by surrogate pairs: `?` matches one UTF-16 code unit."""
    if text.isascii() or max(text) <= "\uffff":
        return text
    units = text.encode("utf-16-be", "surrogatepass")
    return "".join(chr(int.from_bytes(units[i : i + 2])) for i in range(0, len(units), 2))
