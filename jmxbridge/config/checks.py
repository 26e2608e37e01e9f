"""What only two places together can get wrong.

Each check takes what was read so far, valid parts of a file that may have other problems, and
reports at the place a person would change.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jmxbridge.config.entries import RuleEntry
from jmxbridge.config.grammar import closest, template_keys
from jmxbridge.config.location import Path
from jmxbridge.config.quantity import format_duration
from jmxbridge.config.sections import SectionReader
from jmxbridge.config.tree import Entry, Mapping, Node, Scalar
from jmxbridge.config.tree import Sequence as YamlSequence


@dataclass(frozen=True, slots=True)
class LocatedRule:
    """A valid entry under `mbeans:` and where it stands."""

    set_name: str
    entry: RuleEntry
    node: Mapping
    path: Path

    @property
    def line(self) -> int:
        """Where a message about another place can refer to."""
        return self.node.span.line + 1

    def field_names(self) -> Iterator[tuple[Scalar, Path, str, str]]:
        """Yield each field: where its name is written, name and type."""
        for attribute, node in _entries(self.node, "fields"):
            field = self.entry.fields_by_path.get(attribute.text)
            name = node.get("name") if isinstance(node, Mapping) else None
            place = name.value if name else node
            if field is not None and isinstance(place, Scalar):
                yield place, (*self.path, "fields", attribute.text), field.name, field.type


@dataclass(frozen=True, slots=True)
class LocatedTarget:
    """A target as it is written, whether all of it is right or not."""

    node: Mapping
    path: Path

    def texts(self, reader: SectionReader, key: str) -> Iterator[tuple[Scalar, str]]:
        """Yield what stands under a key, one text or a list of them, as far as it can be told."""
        entry = self.node.get(key)
        nodes = _items(entry.value) if entry else ()
        for node in nodes:
            text = reader.text(node)
            if text is not None and isinstance(node, Scalar):
                yield node, text


_EXCLUDE_EACH_OTHER = (
    ("token", "token_file"),
    ("password", "password_file"),
    ("token", "username"),
    ("token_file", "username"),
    ("token", "password"),
    ("token", "password_file"),
    ("token_file", "password"),
    ("token_file", "password_file"),
)


def check_influxdb(reader: SectionReader, node: Mapping, path: Path) -> None:
    """One way to say who we are, and all of it."""
    for pair in _EXCLUDE_EACH_OTHER:
        keys = [entry.key for entry in map(node.get, pair) if entry]
        if len(keys) == 2:
            later = max(keys, key=lambda key: (key.span.line, key.span.column))
            said = f"{pair[0]} and {pair[1]} exclude each other: keep one"
            reader.add(later, (*path, later.text), said)
            return
    username = node.get("username")
    password = node.get("password") or node.get("password_file")
    if username and not password:
        said = "needs password or password_file beside it"
        reader.add(username.key, (*path, "username"), said)
    if password and not username:
        said = "needs username beside it"
        reader.add(password.key, (*path, password.key.text), said)


def check_store(reader: SectionReader, node: Mapping, path: Path) -> None:
    """Without InfluxDB nothing but age ever makes room: a paused poll would stay paused."""
    entry = node.get("when_full")
    if entry and isinstance(entry.value, Scalar) and entry.value.text == "pause":
        said = "pause needs an influxdb section: without one nothing makes room again"
        reader.add(entry.value, (*path, "when_full"), said)


def check_rule(reader: SectionReader, rule: LocatedRule, interval_s: float | None) -> None:
    """What a rule's names ask for, its patterns have; no name is used twice."""
    for tag, node in _entries(rule.node, "tags"):
        if tag.text in rule.entry.tags:
            key = rule.entry.tags[tag.text]
            _check_property(reader, rule, node, (*rule.path, "tags", tag.text), key)
    measurement = rule.node.get("measurement")
    names = [(place, path, name) for place, path, name, _ in rule.field_names()]
    if measurement is not None and isinstance(measurement.value, Scalar):
        names.append((measurement.value, (*rule.path, "measurement"), rule.entry.measurement))
    for place, path, name in names:
        for key, position in template_keys(name):
            _check_property(reader, rule, place, path, key, at=position)
    first: dict[str, Scalar] = {}
    for place, path, name, _ in rule.field_names():
        if name in first:
            reader.add(place, path, f'this rule already has a field "{name}"')
        first.setdefault(name, place)
    every = rule.node.get("every")
    if every and interval_s and (rule.entry.every_s or interval_s) < interval_s:
        said = f"cannot be shorter than the interval ({format_duration(interval_s)})"
        reader.add(every.value, (*rule.path, "every"), said)


def _check_property(
    reader: SectionReader,
    rule: LocatedRule,
    node: Node,
    path: Path,
    key: str,
    at: int | None = None,
) -> None:
    """A tag may be absent where `,*` leaves the keys open; a name made of nothing cannot be."""
    for bean in rule.entry.bean:
        if key in bean.properties or (at is None and bean.is_property_list_pattern):
            continue
        said = f'{bean} has no key property "{key}"'
        suggestion = closest(key, bean.properties)
        if not suggestion:
            said += f" (it has {', '.join(bean.properties) or 'none'})"
        reader.add(node, path, said, position=at or 0, suggestion=suggestion)
        return


def check_names(reader: SectionReader, rules: Sequence[LocatedRule]) -> None:
    """In a measurement a field has one type, and no name is both a tag and a field."""
    types: dict[tuple[str, str], tuple[str, LocatedRule]] = {}
    tags: dict[tuple[str, str], LocatedRule] = {}
    for rule in rules:
        for tag in rule.entry.tags:
            tags.setdefault((rule.entry.measurement, tag), rule)
    for rule in rules:
        for place, path, name, field_type in rule.field_names():
            full_name = (rule.entry.measurement, name)
            known_type, first = types.setdefault(full_name, (field_type, rule))
            if known_type != field_type:
                said = (
                    f'field "{name}" of {rule.entry.measurement} is {field_type} here and'
                    f" {known_type} in the rule of line {first.line}: InfluxDB keeps one type"
                )
                reader.add(place, path, said)
            if full_name in tags:
                line = tags[full_name].line
                said = f'"{name}" is a tag of {rule.entry.measurement} in the rule of line {line}'
                reader.add(place, path, f"{said}: a field needs another name")


def check_targets(
    reader: SectionReader,
    targets: Sequence[LocatedTarget],
    rules: Sequence[LocatedRule],
    set_names: Sequence[str] | None,
) -> None:
    """Names are unique, sets exist, tags do not hide what a rule says."""
    lines: dict[str, int] = {}
    taken = _names_taken(rules)
    for target in targets:
        for node, name in target.texts(reader, "name"):
            if name in lines:
                said = f'"{name}" is the name of the target in line {lines[name]} already'
                reader.add(node, (*target.path, "name"), said)
            lines.setdefault(name, node.span.line + 1)
        if set_names is not None:
            _check_collect(reader, target, set_names)
        _check_tags(reader, target, taken)
        _check_transport(reader, target)


def _check_collect(reader: SectionReader, target: LocatedTarget, set_names: Sequence[str]) -> None:
    seen: set[str] = set()
    for index, (node, name) in enumerate(target.texts(reader, "collect")):
        path = (*target.path, "collect", index)
        if name in seen:
            reader.add(node, path, f'"{name}" is collected twice')
        elif name not in set_names:
            suggestion = closest(name, set_names)
            known = "" if suggestion else f"; there is {', '.join(set_names) or 'none'}"
            said = f'no set "{name}" under mbeans{known}'
            reader.add(node, path, said, suggestion=suggestion)
        seen.add(name)


def _names_taken(rules: Sequence[LocatedRule]) -> dict[str, dict[str, str]]:
    """Return for each set the names that a target's tag cannot have, and why."""
    taken: dict[str, dict[str, str]] = {}
    for rule in rules:
        names = taken.setdefault(rule.set_name, {})
        for tag in rule.entry.tags:
            said = f"the rule of line {rule.line} takes this tag from a key property"
            names.setdefault(tag, said)
        for _, _, name, _ in rule.field_names():
            names.setdefault(name, f"the rule of line {rule.line} has a field of this name")
    return taken


def _check_tags(
    reader: SectionReader, target: LocatedTarget, taken: dict[str, dict[str, str]]
) -> None:
    for tag, _ in _entries(target.node, "tags"):
        path = (*target.path, "tags", tag.text)
        for _, name in target.texts(reader, "collect"):
            if tag.text in taken.get(name, {}):
                reader.add(tag, path, taken[name][tag.text])
                break


def _check_transport(reader: SectionReader, target: LocatedTarget) -> None:
    if "jmxquery" not in (name for _, name in target.texts(reader, "transport")):
        return
    for key in ("rmi_host", "rmi_port"):
        entry = target.node.get(key)
        if entry:
            said = "jmxquery follows the address the JVM advertises: only transport rmi has this"
            reader.add(entry.key, (*target.path, key), said)


def _entries(node: Mapping, key: str) -> Iterator[tuple[Scalar, Node]]:
    entry: Entry | None = node.get(key)
    if entry is not None and isinstance(entry.value, Mapping):
        for each in entry.value.entries:
            yield each.key, each.value


def _items(node: Node) -> tuple[Node, ...]:
    if isinstance(node, Scalar):
        return (node,)
    return node.items if isinstance(node, YamlSequence) else ()
