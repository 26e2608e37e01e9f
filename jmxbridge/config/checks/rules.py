"""What the parts of a rule, and rules among themselves, can get wrong."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jmxbridge.config.model.location import Path
from jmxbridge.config.model.model_reader import SectionReader
from jmxbridge.config.model.rule_entry import RuleEntry, to_rule
from jmxbridge.config.text.tree import Entry, Mapping, Node, Scalar
from jmxbridge.config.text.tree import Sequence as Items
from jmxbridge.config.values.grammar import closest, template_keys
from jmxbridge.config.values.quantity import format_duration
from jmxbridge.mbeans.attribute_path import AttributePath, parse_path
from jmxbridge.mbeans.rule import FieldType, Rule


@dataclass(frozen=True, slots=True)
class LocatedRule:
    """A valid entry under `mbeans:` and where it stands; `file` is that of a pack."""

    set_name: str
    entry: RuleEntry
    node: Mapping
    path: Path
    file: str = ""

    @property
    def line(self) -> int:
        """Its line, from 1."""
        return self.node.span.line + 1

    def seen_from(self, node: Node) -> str:
        """Name its place in a message about another one."""
        if self.file:
            return f"line {self.line} of {self.file}"
        return self.node.span.seen_from(node.span)

    def made(self, path: object) -> Rule:
        """Return the rule itself; `path` is the file it is in where that is no pack."""
        where = (
            f"{self.file or self.node.span.file or path}:{self.line}:{self.node.span.column + 1}"
        )
        return to_rule(self.entry, self.set_name, where, ships=bool(self.file))

    def field_names(self) -> Iterator[tuple[Scalar, Path, str, str]]:
        """Yield each field: where its name is written, name and type."""
        for attribute, node in entries(self.node, "fields"):
            field = self.entry.fields_by_path.get(attribute.text)
            name = node.get("name") if isinstance(node, Mapping) else None
            place = name.value if name else node
            if field is not None and isinstance(place, Scalar):
                yield place, (*self.path, "fields", attribute.text), field.name, field.type

    def attributes(self) -> Iterator[tuple[Scalar, AttributePath]]:
        """Yield what is read of an MBean: where it is written, and how it reads."""
        for attribute, _ in entries(self.node, "fields"):
            if attribute.text in self.entry.fields_by_path:
                yield attribute, parse_path(attribute.text)

    @property
    def captured(self) -> set[str]:
        """The keys that its attributes' names capture, beside the key properties."""
        return {key for _, path in self.attributes() for key in path.keys}


def check_rule(reader: SectionReader, rule: LocatedRule, interval_s: float | None) -> None:
    """What a rule's names ask for, its patterns have; no name is used twice."""
    for tag, node in entries(rule.node, "tags"):
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
    _check_captures(reader, rule)
    _check_sum(reader, rule)


def _check_captures(reader: SectionReader, rule: LocatedRule) -> None:
    """Where attributes capture keys, all of a rule do, and a tag or a name keeps them apart."""
    in_series = {*rule.entry.tags.values(), *_keys_of(rule.entry.measurement)}
    for attribute, path in rule.attributes():
        place = (*rule.path, "fields", attribute.text)
        if set(path.keys) != rule.captured:
            keys = ", ".join(f"{{{key}}}" for key in sorted(rule.captured))
            said = f"the other attributes of this rule capture {keys}: this needs a rule of its own"
            reader.add(attribute, place, said)
            continue
        kept = in_series | _keys_of(rule.entry.fields_by_path[attribute.text].name)
        for key in path.keys:
            if key not in kept:
                said = (
                    f"no tag or name takes {{{key}}}: attributes that differ in it would be one"
                    " field"
                )
                reader.add(attribute, place, said, position=attribute.text.find(f"{{{key}}}"))
    limit = rule.node.get("limit")
    if limit and rule.captured:
        said = "cannot count series that are in names of attributes: leave it out"
        reader.add(limit.key, (*rule.path, "limit"), said)


def _check_sum(reader: SectionReader, rule: LocatedRule) -> None:
    """What is summed over is a key property that no name keeps apart; numbers can be summed."""
    node = rule.node.get("sum_over")
    if node is None:
        return
    path = (*rule.path, "sum_over")
    named = _keys_in_names(rule) | set(rule.entry.tags.values())
    items = node.value.items if isinstance(node.value, Items) else (node.value,)
    for index, (key, item) in enumerate(zip(rule.entry.sum_over, items, strict=False)):
        where_item = (*path, index) if isinstance(node.value, Items) else path
        _check_property(reader, rule, item, where_item, key)
        if key in named:
            said = f'"{key}" is in a tag or a name: values that differ in it are not added up'
            reader.add(item, where_item, said)
    for place, where, name, field_type in rule.field_names():
        field = next(each for each in rule.entry.fields_by_path.values() if each.name == name)
        if field.states is not None or field_type not in (FieldType.INT, FieldType.FLOAT):
            what = "states" if field.states is not None else field_type
            reader.add(place, where, f"cannot be summed (sum_over): it is {what}")


def _keys_in_names(rule: LocatedRule) -> set[str]:
    names = (rule.entry.measurement, *(f.name for f in rule.entry.fields_by_path.values()))
    return {key for name in names for key in _keys_of(name)}


def _keys_of(template: str) -> set[str]:
    return {key for key, _ in template_keys(template)}


def _check_property(
    reader: SectionReader,
    rule: LocatedRule,
    node: Node,
    path: Path,
    key: str,
    at: int | None = None,
) -> None:
    """A tag may be absent where `,*` leaves the keys open; a name made of nothing cannot be."""
    if key in rule.captured:
        return
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
                there = first.seen_from(place)
                said = (
                    f'field "{name}" of {rule.entry.measurement} is {field_type} here and'
                    f" {known_type} in the rule of {there}: InfluxDB keeps one type"
                )
                reader.add(place, path, said)
            if full_name in tags:
                _check_tag_and_field(reader, rule, tags[full_name], place, path, name)


def _check_tag_and_field(
    reader: SectionReader,
    rule: LocatedRule,
    tagged: LocatedRule,
    place: Node,
    path: Path,
    name: str,
) -> None:
    """Blame the field; where that is in a pack, the rule of the file that has the tag."""
    said = f'"{name}" is a tag of {rule.entry.measurement} in the rule of {tagged.seen_from(place)}'
    if not rule.file:
        reader.add(place, path, f"{said}: a field needs another name")
    elif not tagged.file:
        there = rule.seen_from(tagged.node)
        said = f'"{name}" is a field of {rule.entry.measurement} in the rule of {there}'
        reader.add(tagged.node, tagged.path, f"{said}: a tag needs another name")


def entries(node: Mapping, key: str) -> Iterator[tuple[Scalar, Node]]:
    entry: Entry | None = node.get(key)
    if entry is not None and isinstance(entry.value, Mapping):
        for each in entry.value.entries:
            yield each.key, each.value
