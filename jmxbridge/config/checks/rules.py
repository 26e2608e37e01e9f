"""Checks of rules: the parts of one rule, and rules among themselves."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from jmxbridge.config.model.location import Path
from jmxbridge.config.model.model_reader import ModelReader
from jmxbridge.config.model.rule_entry import RuleEntry, to_rule
from jmxbridge.config.text.tree import Mapping, Node, Scalar, Sequence, entries_at
from jmxbridge.config.values.grammar import closest, template_keys
from jmxbridge.config.values.quantity import format_duration
from jmxbridge.mbeans.attribute_path import AttributePath, parse_path
from jmxbridge.mbeans.rule import FieldType, Rule


@dataclass(frozen=True, slots=True)
class LocatedRule:
    """A valid entry under `mbeans:` and where it stands; `file` is set for a pack's rule."""

    set_name: str
    entry: RuleEntry
    node: Mapping
    path: Path
    file: str = ""

    @property
    def line(self) -> int:
        """Line of the file, from 1."""
        return self.node.span.line + 1

    def seen_from(self, node: Node) -> str:
        """Return this rule's place, for a message about another node."""
        if self.file:
            return f"line {self.line} of {self.file}"
        return self.node.span.seen_from(node.span)

    def to_rule(self, path: object) -> Rule:
        """Return the rule for discovery and points; `path` is the file of a rule of no pack."""
        file = self.file or self.node.span.file or path
        where = f"{file}:{self.line}:{self.node.span.column + 1}"
        return to_rule(self.entry, self.set_name, where, ships=bool(self.file))

    def field_names(self) -> Iterator[tuple[Scalar, Path, str, str]]:
        """Yield each field: the node of its name, its path of keys, name and type."""
        for entry in entries_at(self.node, "fields"):
            attribute, node = entry.key.text, entry.value
            field = self.entry.fields_by_path.get(attribute)
            name = node.get("name") if isinstance(node, Mapping) else None
            name_node = name.value if name else node
            if field is not None and isinstance(name_node, Scalar):
                yield name_node, (*self.path, "fields", attribute), field.name, field.type

    def attributes(self) -> Iterator[tuple[Scalar, AttributePath]]:
        """Yield each attribute that is read: its node, and its path into an MBean."""
        for entry in entries_at(self.node, "fields"):
            if entry.key.text in self.entry.fields_by_path:
                yield entry.key, parse_path(entry.key.text)

    @property
    def captured(self) -> set[str]:
        """Keys that patterns in attribute names capture, in addition to the key properties."""
        return {key for _, path in self.attributes() for key in path.keys}


def check_rule(reader: ModelReader, rule: LocatedRule, interval_s: float | None) -> None:
    """Report what a rule contradicts in itself, or in the interval of the file."""
    _check_templates(reader, rule)
    _check_field_names(reader, rule)
    _check_every(reader, rule, interval_s)
    _check_captures(reader, rule)
    _check_sum(reader, rule)


def _check_templates(reader: ModelReader, rule: LocatedRule) -> None:
    """Key properties in tags and names are in every pattern of the rule."""
    for entry in entries_at(rule.node, "tags"):
        tag = entry.key.text
        if tag in rule.entry.tags:
            path = (*rule.path, "tags", tag)
            _check_property(reader, rule, entry.value, path, rule.entry.tags[tag])
    names: list[tuple[Node, Path, str]] = [
        (node, path, name) for node, path, name, _ in rule.field_names()
    ]
    measurement = rule.node.get("measurement")
    assert measurement is not None  # noqa: S101  a valid entry has one
    names.append((measurement.value, (*rule.path, "measurement"), rule.entry.measurement))
    for node, path, name in names:
        for key, position in template_keys(name):
            _check_property(reader, rule, node, path, key, position_in_name=position)


def _check_field_names(reader: ModelReader, rule: LocatedRule) -> None:
    """No two fields of a rule share a name."""
    names: set[str] = set()
    for node, path, name, _ in rule.field_names():
        if name in names:
            reader.add(node, path, f'this rule already has a field "{name}"')
        names.add(name)


def _check_every(reader: ModelReader, rule: LocatedRule, interval_s: float | None) -> None:
    """`every` is no shorter than the interval; an interval that is itself wrong is unknown."""
    every = rule.node.get("every")
    if every and interval_s and (rule.entry.every_s or interval_s) < interval_s:
        message = f"cannot be shorter than the interval ({format_duration(interval_s)})"
        reader.add(every.value, (*rule.path, "every"), message)


def _check_captures(reader: ModelReader, rule: LocatedRule) -> None:
    """All attributes of a rule capture the same keys, and a tag or a name keeps them apart."""
    in_series = {*rule.entry.tags.values(), *_keys_of(rule.entry.measurement)}
    for node, attribute in rule.attributes():
        path = (*rule.path, "fields", node.text)
        if set(attribute.keys) != rule.captured:
            keys = ", ".join(f"{{{key}}}" for key in sorted(rule.captured))
            message = (
                f"the other attributes of this rule capture {keys}: this needs a rule of its own"
            )
            reader.add(node, path, message)
            continue
        kept = in_series | _keys_of(rule.entry.fields_by_path[node.text].name)
        for key in attribute.keys:
            if key not in kept:
                message = (
                    f"{{{key}}} is in no tag and no name: attributes that differ in it would be one"
                    " field"
                )
                reader.add(node, path, message, position=node.text.find(f"{{{key}}}"))
    limit = rule.node.get("limit")
    if limit and rule.captured:
        message = "cannot limit series that come from attribute names: leave it out"
        reader.add(limit.key, (*rule.path, "limit"), message)


def _check_sum(reader: ModelReader, rule: LocatedRule) -> None:
    """`sum_over` names key properties that no tag or name has; every field is a number."""
    sum_over = rule.node.get("sum_over")
    if sum_over is None:
        return
    path, value = (*rule.path, "sum_over"), sum_over.value
    in_series = _keys_in_names(rule) | set(rule.entry.tags.values())
    items = value.items if isinstance(value, Sequence) else (value,)
    for index, (key, item) in enumerate(zip(rule.entry.sum_over, items, strict=False)):
        item_path = path if item is value else (*path, index)
        _check_property(reader, rule, item, item_path, key)
        if key in in_series:
            message = f'"{key}" is in a tag or a name: values that differ in it are not added up'
            reader.add(item, item_path, message)
    for node, field_path, _, field_type in rule.field_names():
        has_states = rule.entry.fields_by_path[str(field_path[-1])].states is not None
        if has_states or field_type not in (FieldType.INT, FieldType.FLOAT):
            reason = "its values are states" if has_states else f"its type is {field_type}"
            reader.add(node, field_path, f"cannot be summed (sum_over): {reason}")


def _keys_in_names(rule: LocatedRule) -> set[str]:
    fields = rule.entry.fields_by_path.values()
    names = (rule.entry.measurement, *(field.name for field in fields))
    return {key for name in names for key in _keys_of(name)}


def _keys_of(template: str) -> set[str]:
    return {key for key, _ in template_keys(template)}


def _check_property(
    reader: ModelReader,
    rule: LocatedRule,
    node: Node,
    path: Path,
    key: str,
    position_in_name: int | None = None,
) -> None:
    """Report a key property that a pattern of the rule lacks.

    Where `,*` leaves the keys open, a tag may be absent; a name cannot be made of nothing.
    """
    if key in rule.captured:
        return
    for bean in rule.entry.bean:
        may_be_absent = position_in_name is None and bean.is_property_list_pattern
        if key in bean.properties or may_be_absent:
            continue
        message = f'{bean} has no key property "{key}"'
        suggestion = closest(key, bean.properties)
        if not suggestion:
            message += f" (it has {', '.join(bean.properties) or 'none'})"
        reader.add(node, path, message, position=position_in_name or 0, suggestion=suggestion)
        return


def check_names(reader: ModelReader, rules: Collection[LocatedRule]) -> None:
    """Report a field with two types in one measurement, and a name that is both tag and field."""
    types: dict[tuple[str, str], tuple[str, LocatedRule]] = {}
    tags: dict[tuple[str, str], LocatedRule] = {}
    for rule in rules:
        for tag in rule.entry.tags:
            tags.setdefault((rule.entry.measurement, tag), rule)
    for rule in rules:
        for node, path, name, field_type in rule.field_names():
            full_name = (rule.entry.measurement, name)
            known_type, first = types.setdefault(full_name, (field_type, rule))
            if known_type != field_type:
                message = (
                    f'field "{name}" of {rule.entry.measurement} is {field_type} here and'
                    f" {known_type} in the rule at {first.seen_from(node)}: InfluxDB keeps one type"
                )
                reader.add(node, path, message)
            if full_name in tags:
                _refuse_tag_and_field(reader, rule, tags[full_name], node, path, name)


def _refuse_tag_and_field(
    reader: ModelReader,
    rule: LocatedRule,
    tagged: LocatedRule,
    node: Node,
    path: Path,
    name: str,
) -> None:
    """Blame the field; where that is a pack's, blame the rule of the file that has the tag.

    Packs do not contradict each other, so one of the two rules is the file's.
    """
    measurement = rule.entry.measurement
    if not rule.file:
        place = tagged.seen_from(node)
        message = f'"{name}" is a tag of {measurement} in the rule at {place}'
        reader.add(node, path, f"{message}: a field needs another name")
    elif not tagged.file:
        place = rule.seen_from(tagged.node)
        message = f'"{name}" is a field of {measurement} in the rule at {place}'
        reader.add(tagged.node, tagged.path, f"{message}: a tag needs another name")
