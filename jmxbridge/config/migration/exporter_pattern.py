"""Patterns of jmx_exporter that mean the same as an ObjectName and an attribute.

A pattern is a regular expression over `domain<key=value, key=value><item>attribute: value`. Where
each part is plain text, or `(.+)` and the like, an ObjectName pattern says the same. Anything else
(alternatives, look-around, a key that is a group) says more than one, and is refused.

Rule: an accepted pattern matches no MBean that the regular expression would not match. `(.+)` also
matches across the comma between two keys; here it does not, because rules that mean that name both
keys.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jmxbridge.config.migration.draft import NotMigratable

# Any text: `.+`, `\w*`, `[^,]+`. An ObjectName pattern does not tell kinds of characters apart.
_ANY = r"(?:\.|\\[wdSDW]|\[(?:[^\]\\]|\\.)+\])[*+]\??"
_TOKEN = re.compile(
    rf"\((?P<group>{_ANY})\)(?![*+?{{])|(?P<any>{_ANY})|\\(?P<escaped>\W)(?![*+?{{])"
    r"|(?P<plain>[^\\()\[\]{}|*+?^$])(?![*+?{])"
)


@dataclass(frozen=True, slots=True)
class Wildcard:
    """Any text; `group` is the number of the group around it, from 1, None without a group."""

    group: int | None


PatternToken = str | Wildcard


@dataclass(frozen=True, slots=True)
class ExporterPattern:
    """Parts of a pattern; key properties are in its order."""

    domain: tuple[PatternToken, ...]
    properties: dict[str, tuple[PatternToken, ...]]
    open_ended: bool
    items: tuple[str, ...]
    attribute: tuple[PatternToken, ...]
    value_group: int | None


def groups(tokens: Sequence[PatternToken]) -> list[int]:
    """Return the numbers of the groups among tokens."""
    return [token.group for token in tokens if isinstance(token, Wildcard) and token.group]


def parse_pattern(text: str) -> ExporterPattern:
    """Read a pattern; raises NotMigratable with the reason."""
    tokens = list(_tokens(text.strip().removeprefix("^").removesuffix("$")))
    domain, rest = _split(tokens, "<")
    keys, rest = _split(rest, ">")
    if rest[:1] != ["<"]:
        raise NotMigratable("is not of the form domain<keys><items>attribute")
    items, rest = _split(rest[1:], ">")
    attribute, value = _split(rest, ":", is_optional=True)
    properties, open_ended = _properties(keys)
    if not attribute or any(isinstance(token, Wildcard) for token in items):
        raise NotMigratable("names no attribute: a rule must name what it reads")
    names = tuple(name for name in "".join(map(str, items)).split(", ") if name)
    value_group = next(iter(groups(value)), None)
    return ExporterPattern(
        tuple(domain), properties, open_ended, names, tuple(attribute), value_group
    )


def _tokens(text: str) -> Iterator[PatternToken]:
    """Yield characters and wildcards; a dot without a repeat means a dot."""
    position = group = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            part = text[position : position + 20]
            raise NotMigratable(f'"{part}" is more than an ObjectName pattern can say')
        if match["group"]:
            group += 1
            yield Wildcard(group)
        elif match["any"]:
            yield Wildcard(None)
        else:
            yield match["escaped"] or match["plain"]
        position = match.end()


def _split(
    tokens: Sequence[PatternToken], end: str, *, is_optional: bool = False
) -> tuple[list[PatternToken], list[PatternToken]]:
    """Split at a character, which is in neither part; an optional one may be missing."""
    if end in tokens:
        index = tokens.index(end)
        return list(tokens[:index]), list(tokens[index + 1 :])
    if not is_optional:
        raise NotMigratable(f'has no "{end}": is not of the form domain<keys><items>attribute')
    return list(tokens), []


def _properties(
    keys: Sequence[PatternToken],
) -> tuple[dict[str, tuple[PatternToken, ...]], bool]:
    """Return key properties, and whether an MBean may have others."""
    properties: dict[str, tuple[PatternToken, ...]] = {}
    open_ended = False
    rest = list(keys)
    while rest:
        part, rest = _split(rest, ",", is_optional=True)
        while part[:1] == [" "]:
            part = part[1:]
        if len(part) == 1 and isinstance(part[0], Wildcard):
            open_ended = True
            continue
        key, value = _split(part, "=")
        if not key or any(isinstance(token, Wildcard) for token in key):
            raise NotMigratable("its keys are a pattern: a rule must name them")
        properties["".join(map(str, key))] = tuple(value)
    return properties, open_ended
