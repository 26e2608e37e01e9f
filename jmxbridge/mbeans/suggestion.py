"""A rule for an MBean that has none, ready to be pasted below a set's name.

Rule: what is suggested passes `check`, takes the MBean, and makes a field of every number in it.
Beyond that it is a guess for a person to improve: `type` and `name` say what an MBean is and stay;
every other key property says which one it is and becomes a tag.
"""

import re
from collections.abc import Iterator, Mapping

from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.values import Value
from jmxbridge.mbeans.naming import snake_case

# Key properties that say what an MBean is, not which one.
KINDS = ("type", "name")
# Names that every point has, or that InfluxDB keeps for itself.
TAKEN_NAMES = frozenset({"cluster", "target", "time"})
# Longer than this, or not printable, is no name for a key of the file.
MAX_NAME = 200

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_COUNTER = re.compile(r"(?:^|[-_a-z])(?:Count|[Tt]otal)$")


def suggest(name: ObjectName, values: Mapping[str, Value]) -> str:
    """Write a rule as YAML, as an item of the list that a set is."""
    tags = _tags(name)
    fields = _Fields(name, {*TAKEN_NAMES, *tags})
    wanted = [line for attribute, value in values.items() for line in fields.of(attribute, value)]
    lines = [f"- bean: {_quoted(_pattern(name))}", f"  measurement: {_measurement(name)}"]
    if tags:
        pairs = ", ".join(f"{tag}: {_quoted(key)}" for tag, key in tags.items())
        lines.append(f"  tags: {{{pairs}}}")
    if not fields.count:
        return "\n".join(["# no number to make a field of:", *wanted])
    return "\n".join([*lines, "  fields:", *wanted])


def _entities(name: ObjectName) -> list[str]:
    return [key for key in name.properties if key not in KINDS]


def _pattern(name: ObjectName) -> str:
    entities = _entities(name)
    pairs = (f"{k}={'*' if k in entities else value}" for k, value in name.properties.items())
    return f"{name.domain}:{','.join(pairs)}"


def _measurement(name: ObjectName) -> str:
    """Domain and type, without the word that both have where they meet."""
    domain = snake_case(name.domain)
    kind = snake_case(name.value("type") or name.value("name") or "")
    last = domain.rsplit("_", 1)[-1]
    if not _entities(name) and not any(name.value(key) for key in KINDS):
        return domain
    return f"{domain}_{kind.removeprefix(f'{last}_')}"


def _tags(name: ObjectName) -> dict[str, str]:
    tags: dict[str, str] = {}
    for key in _entities(name):
        tag = _unused(snake_case(key), {*TAKEN_NAMES, *tags}, "key")
        tags[tag] = key
    return tags


def _unused(name: str, used: set[str], word: str) -> str:
    """Return the name, with a word and then a number behind it where it is used already."""
    if name not in used:
        return name
    number = 1
    while (tried := f"{name}_{word}" + (f"_{number}" if number > 1 else "")) in used:
        number += 1
    return tried


class _Fields:
    """The lines of `fields:`; names are not used twice."""

    def __init__(self, name: ObjectName, used: set[str]) -> None:
        own = name.value("name")
        self._own = snake_case(own) if own and "name" in name.properties else ""
        self._used = used
        self.count = 0

    def of(self, attribute: str, value: Value) -> Iterator[str]:
        """Yield the lines for one attribute, numbers inside a composite each by its path."""
        if len(attribute) > MAX_NAME or not attribute.isprintable():
            return
        if isinstance(value, Mapping):
            for key, inner in value.items():
                yield from self._leaf(attribute, key, inner)
        else:
            yield self._line(_escaped(attribute), attribute, value)

    def _leaf(self, attribute: str, key: str, value: Value) -> Iterator[str]:
        """One number of a composite; what is nested deeper than that is left to a person."""
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
        what = "text: {type: string} would keep it" if isinstance(value, str) else "no number"
        return f"    # {attribute_shown(path)}: {what}"

    def _name(self, words: str) -> str:
        self.count += 1
        word = snake_case(words)
        if self._own:
            word = self._own if words == "Value" else f"{self._own}_{word}"
        name = _unused(word, self._used, "value")
        self._used.add(name)
        return name


def attribute_shown(path: str) -> str:
    """Write an attribute in a comment."""
    return path.replace("\n", " ")


def _is_whole(value: int | float) -> bool:
    return isinstance(value, int) or value.is_integer()


def _escaped(name: str) -> str:
    """Write a name in a path, where a dot leads into a composite."""
    return re.sub(r"[\\.{}]", r"\\\g<0>", name)


def _quoted(text: str) -> str:
    """Write a text so that YAML reads it back, with quotes only where it needs them."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return "'" + text.replace("'", "''") + "'"
