"""ObjectNames: the names MBeans go by, and the patterns that select them.

Rule: what `javax.management.ObjectName` accepts, how it writes it canonically and what it matches
live here; nothing else may take a name apart with `split`.

Grammar (javadoc of ObjectName): `domain:key=value,key=value`. A domain holds anything but `:` and a
newline. A key is not empty and holds none of `, = : * ?` and newline. A value is either plain (none
of `, = : "` and newline; it may be empty) or quoted, and in quotes `\\" \\\\ \\* \\? \\n` are the
only escapes. `*` and `?` make a pattern of a domain or a value, also inside quotes where they are
not escaped; one lone `*` between the commas leaves the set of keys open. The empty text is `*:*`.

The JDK lets two slips through that its own javadoc forbids: any character in place of the comma
after a quoted value, and a comma after a closing `*`. Both are refused here.
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

# Compiled wildcards kept: more than any file of rules holds, bounded for programs that make names.
_WILDCARDS_KEPT = 4096
# Keys, domains and most values come again in name after name: one object for each is a fifth less
# memory. 2 MB at the most.
_TEXTS_SHARED = 16_384
_NONE: frozenset[str] = frozenset()  # one for all names: an empty one of its own is 216 bytes


class MalformedObjectName(ValueError):
    """The text is not an ObjectName; `position` is the 0-based offset of what is wrong with it."""

    def __init__(self, text: str, position: int, problem: str) -> None:
        super().__init__(f"ObjectName {text!r}: at character {position + 1}: {problem}")
        self.text = text
        self.position = position
        self.problem = problem


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ObjectName:
    """The name of an MBean, or a pattern for such names; made by `parse`.

    Two names are equal when their canonical forms are: the order of properties never counts.
    `properties` maps key to value as written (quotes and escapes kept, in the order written);
    `canonical` has the keys sorted as Java sorts them; `text` is what was parsed.
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
        """Return the name or pattern that `text` spells; raises MalformedObjectName."""
        domain, properties, open_keys = _parts(text or "*:*")
        wildcards = frozenset(k for k, value in properties.items() if _has_wildcard(value))
        return cls(
            text=text,
            domain=_shared(domain),
            properties=MappingProxyType(properties),
            canonical=_canonical(domain, properties, open_keys),
            is_domain_pattern="*" in domain or "?" in domain,
            is_property_list_pattern=open_keys,
            wildcard_keys=wildcards or _NONE,
        )

    @property
    def is_pattern(self) -> bool:
        """Whether this selects names instead of being one."""
        return self.is_property_list_pattern or self.is_domain_pattern or bool(self.wildcard_keys)

    def value(self, key: str) -> str | None:
        """Return the value of `key` with quotes and escapes removed; None without such a key.

        A value that is itself a wildcard is returned as written.
        """
        value = self.properties.get(key)
        if value is None or not value.startswith('"') or key in self.wildcard_keys:
            return value
        return unquote(value)

    def matches(self, name: "ObjectName") -> bool:
        """Tell whether `name` is selected by this pattern, or is this name.

        As `ObjectName.apply`: a pattern is never selected. As in the JDK, a value is compared as
        written: in a quoted wildcard `*` and `?` run over the escapes of the other side, so `?`
        does not match `\\n`, which is two characters.
        """
        if name.is_pattern:
            return False
        if self.canonical == name.canonical:
            return True
        if self.domain != name.domain and not (
            self.is_domain_pattern and _wildcard_matches(self.domain, name.domain)
        ):
            return False
        return self._selects_properties(name.properties)

    def _selects_properties(self, others: Mapping[str, str]) -> bool:
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
    """Return `text` as a quoted value: any text can be a value this way."""
    return '"' + "".join(_ESCAPES.get(char, char) for char in text) + '"'


def unquote(text: str) -> str:
    """Return what `quote` was given; raises ValueError for a text it cannot have returned."""
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
    """Return domain, properties as written, and whether a lone `*` leaves the keys open."""
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
            position = _after_star(text, position)
        else:
            position = _take_property(text, position, properties)
        if position == len(text) and text[-1] != ",":
            return domain, properties, open_keys
    raise MalformedObjectName(text, len(text), "expected a key property")


def _take_property(text: str, position: int, properties: dict[str, str]) -> int:
    """Add the property at `position`; return the offset after it and its comma."""
    match = _PROPERTY.match(text, position)
    if match is None:
        raise MalformedObjectName(text, *_what_is_wrong(text, position))
    key, value = match.groups()
    if key in properties:
        raise MalformedObjectName(text, position, f"key {key!r} is already there")
    properties[_shared(key)] = _shared(value)
    return match.end()


@lru_cache(maxsize=_TEXTS_SHARED)
def _shared(text: str) -> str:
    """Return the one object for this text, while it is remembered."""
    return text


def _after_star(text: str, position: int) -> int:
    following = text[position + 1 : position + 2]
    if following not in ("", ","):
        raise MalformedObjectName(text, position + 1, "expected ',' or the end after '*'")
    return position + 1 + len(following)


def _what_is_wrong(text: str, position: int) -> tuple[int, str]:
    """Return offset and description of the first fault of the property at `position`."""
    at = _end_of(_KEY, text, position)
    if at == len(text):
        return at, f"expected '=' after key {text[position:]!r}"
    if text[at] != "=":
        return at, f"{text[at]!r} cannot be in a key"
    if at == position:
        return at, "empty key"
    at += 1
    if not text.startswith('"', at):
        at = _end_of(_PLAIN_VALUE, text, at)
        return at, f"{text[at]!r} can only be in a quoted value"
    return _what_is_wrong_in_quotes(text, _end_of(_QUOTED_VALUE, text, at))


def _end_of(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return at if match is None else match.end()


def _what_is_wrong_in_quotes(text: str, at: int) -> tuple[int, str]:
    if at == len(text):
        return at, "the quoted value is not closed"
    if text[at] == "\n":
        return at, "a newline in a quoted value is written \\n"
    if text[at] == "\\":
        return at, f'bad escape {text[at : at + 2]!r}: only \\\\ \\" \\* \\? \\n are escapes'
    return at + 1, "expected ',' or the end after a quoted value"


def _canonical(domain: str, properties: Mapping[str, str], open_keys: bool) -> str:
    items = [f"{key}={properties[key]}" for key in sorted(properties, key=_java_order)]
    if open_keys:
        items.append("*")
    return f"{domain}:{','.join(items)}"


def _java_order(text: str) -> bytes:
    """Order as `String.compareTo`: by UTF-16 code unit, not by code point."""
    return text.encode("utf-16-be", "surrogatepass")


def _has_wildcard(value: str) -> bool:
    if "*" not in value and "?" not in value:
        return False
    if value.startswith('"'):
        value = _ESCAPED.sub("", value)
    return "*" in value or "?" in value


def _wildcard_matches(pattern: str, text: str) -> bool:
    return _wildcard(pattern).fullmatch(_code_units(text)) is not None


@lru_cache(maxsize=_WILDCARDS_KEPT)
def _wildcard(pattern: str) -> re.Pattern[str]:
    """Compile `*` and `?`; each `*` takes as little as it can and never gives back.

    The first place where the next literal part fits is as good as any later one, so no match is
    lost, and no text, however long, makes the search backtrack.
    """
    first, *rest = [re.escape(part).replace(r"\?", ".") for part in _code_units(pattern).split("*")]
    if not rest:
        return re.compile(first, re.DOTALL)
    *middle, last = rest
    return re.compile(first + "".join(f"(?>.*?{part})" for part in middle) + ".*" + last, re.DOTALL)


def _code_units(text: str) -> str:
    """Write supplementary characters as surrogate pairs: Java's `?` is one UTF-16 code unit."""
    if text.isascii() or max(text) <= "\uffff":
        return text
    units = text.encode("utf-16-be", "surrogatepass")
    return "".join(chr(int.from_bytes(units[i : i + 2])) for i in range(0, len(units), 2))
