"""The patterns of jmx_exporter: which of them are an ObjectName and an attribute.

A pattern is a regular expression over `domain<key=value, key=value><item>attribute: value`. Where
each part is plain text, or `(.+)` and its like, it says the same as an ObjectName pattern; anything
beyond that (alternatives, look-around, a key that is a group) says more than one, and is refused.

Rule: what is accepted takes no MBean that the regular expression would not. `(.+)` also runs over
the comma between two keys; here it does not, for the rules that mean so name both keys.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jmxbridge.config.text.problem import InvalidValue

# Some text, whatever it is: `.+`, `\w*`, `[^,]+`. What kind of text is the MBean's affair.
_ANY = r"(?:\.|\\[wdSDW]|\[(?:[^\]\\]|\\.)+\])[*+]\??"
_TOKEN = re.compile(
    rf"\((?P<group>{_ANY})\)(?![*+?{{])|(?P<any>{_ANY})|\\(?P<escaped>\W)(?![*+?{{])"
    r"|(?P<plain>[^\\()\[\]{}|*+?^$])(?![*+?{])"
)


@dataclass(frozen=True, slots=True)
class Wildcard:
    """Some text; `group` is the number of the group around it, from 1."""

    group: int | None


PatternToken = str | Wildcard


@dataclass(frozen=True, slots=True)
class ExporterPattern:
    """A pattern in its parts; properties by their keys, in order."""

    domain: tuple[PatternToken, ...]
    properties: dict[str, tuple[PatternToken, ...]]
    open_ended: bool
    items: tuple[str, ...]
    attribute: tuple[PatternToken, ...]
    value_group: int | None

    def groups(self, tokens: Sequence[PatternToken]) -> list[int]:
        """Return the numbers of the groups among tokens."""
        return [token.group for token in tokens if isinstance(token, Wildcard) and token.group]


def parse_pattern(text: str) -> ExporterPattern:
    """Read a pattern; raises InvalidValue with why it cannot be carried over."""
    tokens = list(_tokens(text.strip().removeprefix("^").removesuffix("$")))
    domain, rest = _until(tokens, "<")
    inside, rest = _until(rest, ">")
    if rest[:1] != ["<"]:
        raise InvalidValue("is not of the form domain<keys><items>attribute")
    items, rest = _until(rest[1:], ">")
    attribute, value = _until(rest, ":", or_end=True)
    properties, open_ended = _properties(inside)
    if not attribute or any(isinstance(token, Wildcard) for token in items):
        raise InvalidValue("names no attribute: rules here say which they read")
    names = tuple(name for name in "".join(map(str, items)).split(", ") if name)
    groups = [token.group for token in value if isinstance(token, Wildcard) and token.group]
    return ExporterPattern(
        tuple(domain), properties, open_ended, names, tuple(attribute), next(iter(groups), None)
    )


def _tokens(text: str) -> Iterator[PatternToken]:
    """Yield characters, and what stands for any text; a dot alone is meant as a dot."""
    at = group = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise InvalidValue(f'"{text[at : at + 20]}" is more than an ObjectName pattern can say')
        if match["group"]:
            group += 1
            yield Wildcard(group)
        elif match["any"]:
            yield Wildcard(None)
        else:
            yield match["escaped"] or match["plain"]
        at = match.end()


def _until(
    tokens: Sequence[PatternToken], end: str, *, or_end: bool = False
) -> tuple[list[PatternToken], list[PatternToken]]:
    """Split at a character, which is in neither part."""
    if end in tokens:
        at = tokens.index(end)
        return list(tokens[:at]), list(tokens[at + 1 :])
    if not or_end:
        raise InvalidValue(f'has no "{end}": is not of the form domain<keys><items>attribute')
    return list(tokens), []


def _properties(inside: Sequence[PatternToken]) -> tuple[dict[str, tuple[PatternToken, ...]], bool]:
    """Return key properties, and whether there may be others."""
    properties: dict[str, tuple[PatternToken, ...]] = {}
    open_ended = False
    rest = list(inside)
    while rest:
        part, rest = _until(rest, ",", or_end=True)
        while part[:1] == [" "]:
            part = part[1:]
        if len(part) == 1 and isinstance(part[0], Wildcard):
            open_ended = True
            continue
        key, value = _until(part, "=")
        if not key or any(isinstance(token, Wildcard) for token in key):
            raise InvalidValue("its keys are a pattern: a rule here names them")
        properties["".join(map(str, key))] = tuple(value)
    return properties, open_ended
