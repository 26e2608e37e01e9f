"""Suggested rule for an MBean, ready to paste below a set's name.

Rule: a suggestion passes `check`, claims the MBean, and has a field for every number in it. The
rest is a guess for a person to improve: the key properties `type` and `name` tell the kind of an
MBean and stay in the pattern; every other one identifies the MBean and becomes a tag.
"""

import re
from collections.abc import Iterator, Mapping

from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.values import Value
from jmxbridge.mbeans.naming import snake_case

KINDS = ("type", "name")
"""Key properties that tell the kind of an MBean, not which one it is."""

RESERVED_NAMES = frozenset({"cluster", "target", "time"})
"""Tags that every point has, and a name reserved by InfluxDB."""

MAX_NAME = 200
"""A longer name, or one that is not printable, is no key for the file."""

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_COUNTER = re.compile(r"(?:^|[-_a-z])(?:Count|[Tt]otal)$")


def suggest(name: ObjectName, values: Mapping[str, Value]) -> str:
    """Return a rule as YAML, as an item of a set's list."""
    tags = _tags(name)
    fields = _FieldLines(name, {*RESERVED_NAMES, *tags})
    field_lines = [
        line for attribute, value in values.items() for line in fields.of(attribute, value)
    ]
    lines = [f"- bean: {_quoted(_pattern(name))}", f"  measurement: {_measurement(name)}"]
    if tags:
        pairs = ", ".join(f"{tag}: {_quoted(key)}" for tag, key in tags.items())
        lines.append(f"  tags: {{{pairs}}}")
    if not fields.count:
        return "\n".join(["# no number to make a field of:", *field_lines])
    return "\n".join([*lines, "  fields:", *field_lines])


def _entities(name: ObjectName) -> list[str]:
    return [key for key in name.properties if key not in KINDS]


def _pattern(name: ObjectName) -> str:
    entities = _entities(name)
    pairs = (f"{k}={'*' if k in entities else value}" for k, value in name.properties.items())
    return f"{name.domain}:{','.join(pairs)}"


def _measurement(name: ObjectName) -> str:
    """Join domain and type, without repeating a word that ends one and begins the other."""
    domain = snake_case(name.domain)
    kind = snake_case(name.value("type") or name.value("name") or "")
    last = domain.rsplit("_", 1)[-1]
    if not _entities(name) and not any(name.value(key) for key in KINDS):
        return domain
    return f"{domain}_{kind.removeprefix(f'{last}_')}"


def _tags(name: ObjectName) -> dict[str, str]:
    tags: dict[str, str] = {}
    for key in _entities(name):
        tag = _unused(snake_case(key), {*RESERVED_NAMES, *tags}, "key")
        tags[tag] = key
    return tags


def _unused(name: str, used: set[str], word: str) -> str:
    """Return the name; if it is used already, with a word and then a number appended."""
    if name not in used:
        return name
    number = 1
    while (candidate := f"{name}_{word}" + (f"_{number}" if number > 1 else "")) in used:
        number += 1
    return candidate


class _FieldLines:
    """The lines of `fields:`, each with a different name."""

    def __init__(self, name: ObjectName, used: set[str]) -> None:
        own = name.value("name")
        self._own = snake_case(own) if own and "name" in name.properties else ""
        self._used = used
        self.count = 0

    def of(self, attribute: str, value: Value) -> Iterator[str]:
        """Yield the lines for one attribute; for a composite, a line for each number in it."""
        if len(attribute) > MAX_NAME or not attribute.isprintable():
            return
        if isinstance(value, Mapping):
            for key, inner in value.items():
                yield from self._leaf(attribute, key, inner)
        else:
            yield self._line(_escaped(attribute), attribute, value)

    def _leaf(self, attribute: str, key: str, value: Value) -> Iterator[str]:
        """Yield the line for one number of a composite; deeper nesting is not suggested."""
        if isinstance(value, (int, float)) and key and key.isprintable() and len(key) < MAX_NAME:
            path = f"{_escaped(attribute)}.{_escaped(key)}"
            yield self._line(path, f"{attribute}_{key}", value)

    def _line(self, path: str, words: str, value: Value) -> str:
        if isinstance(value, bool):
            return f"    {_quoted(path)}: {{name: {self._name(words)}, type: bool}}"
        if isinstance(value, (int, float)):
            name = self._name(words)
            if _COUNTER.search(words) and _is_whole(value):
                name = f"{{name: {name}, type: int}}"
            return f"    {_quoted(path)}: {name}"
        remark = "text: {type: string} would keep it" if isinstance(value, str) else "no number"
        return f"    # {attribute_shown(path)}: {remark}"

    def _name(self, words: str) -> str:
        self.count += 1
        word = snake_case(words)
        if self._own:
            word = self._own if words == "Value" else f"{self._own}_{word}"
        name = _unused(word, self._used, "value")
        self._used.add(name)
        return name


def attribute_shown(path: str) -> str:
    """Return an attribute for a comment, on one line."""
    return path.replace("\n", " ")


def _is_whole(value: int | float) -> bool:
    return isinstance(value, int) or value.is_integer()


def _escaped(name: str) -> str:
    """Escape a name for a path, in which a dot leads into a composite."""
    return re.sub(r"[\\.{}]", r"\\\g<0>", name)


def _quoted(text: str) -> str:
    """Quote a text for YAML, if it needs quotes."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return "'" + text.replace("'", "''") + "'"
