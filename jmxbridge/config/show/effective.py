"""Effective file: settings written as YAML, with defaults and packs, without secrets.

Rule: the text, read again, gives the same settings. A secret is shown as a variable that is named
after its key, so the text is a file that works where that variable is set.
"""

import re
import textwrap
from collections.abc import Mapping
from typing import Any

import yaml
from pydantic import SecretStr

from jmxbridge.config.model.models import KafkaSettings, Section, Settings
from jmxbridge.config.show.comments import annotated
from jmxbridge.config.show.origins import Origins
from jmxbridge.config.values.quantity import format_duration, format_size
from jmxbridge.mbeans.rule import Field, FieldType, Rule

# The width of mbeans.yaml and of the packs.
WIDTH = 100
_DURATIONS = (
    "interval_s",
    "timeout_s",
    "forget_after_s",
    "heartbeat_s",
    "offsets_retention_s",
    "retain_s",
)
_SIZES = ("max_bytes",)
# Fields that are no keys of a file, and the sets, which are written one by one.
_NOT_IN_HEAD = ("path", "warnings", "mbeans", "discover")
_SPECIAL = re.compile(r"[\\.{}]")


def show(settings: Settings, origins: Origins | None = None) -> str:
    """Return settings as YAML; with `origins` each value has its origin as a comment.

    A rule's origin is a comment above it in any case.
    """
    text = _yaml(_section(settings))
    if origins is not None:
        text = annotated(text, origins)
    if settings.mbeans:
        text += "mbeans:\n"
    for name, rules in settings.mbeans.items():
        text += _indented(_yaml({name: []}).replace(" []", ""), 2)
        for rule in rules:
            text += f"    # {rule.where}\n" + _indented(_yaml([_rule(rule)]), 4)
    return text


def access(kafka: KafkaSettings) -> str:
    """Return the lines under `kafka` that tell how to connect; empty where all have their defaults.

    These are `advertised`, `tls`, `sasl` and `timeout`.
    """
    keys = ("advertised", "tls", "sasl")
    entries = {key: value for key, value in _section(kafka).items() if key in keys and value != {}}
    text = _yaml(entries) if entries else ""
    if kafka.timeout_s != type(kafka).model_fields["timeout_s"].default:
        text += f"timeout: {format_duration(kafka.timeout_s)}\n"
    return _indented(text, 2)


def _indented(text: str, width: int) -> str:
    return textwrap.indent(text, " " * width)


def _yaml(value: Any) -> str:
    text: str = yaml.safe_dump(
        value, sort_keys=False, allow_unicode=True, width=WIDTH, default_flow_style=None
    )
    return text


def _section(section: Section) -> dict[str, Any]:
    """Return the fields of a section under their keys in the file."""
    entries = {}
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if value is None or (isinstance(section, Settings) and name in _NOT_IN_HEAD):
            continue
        if isinstance(section, Settings) and name == "targets":
            value = (*value, *section.discover)
        key = str(field.validation_alias or name)
        entries[key] = _value(name, key, value)
    return _without_read_secrets(entries)


def _without_read_secrets(entries: dict[str, Any]) -> dict[str, Any]:
    """Drop secrets that were read from a file: the key of the file is enough."""
    return {key: value for key, value in entries.items() if f"{key}_file" not in entries}


def _value(name: str, key: str, value: Any) -> Any:
    if isinstance(value, SecretStr):
        return f"${{{key.upper()}}}"
    if name in _DURATIONS:
        return format_duration(value)
    if name in _SIZES:
        return format_size(value)
    if isinstance(value, Section):
        return _section(value)
    if isinstance(value, bool) or type(value) is int:
        return value
    if isinstance(value, Mapping):
        return {key: _value("", "", item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_value("", "", item) for item in value]
    return _literal(str(value))


def _literal(text: str) -> str:
    """Escape a text in which `${` is no variable."""
    return text.replace("${", "$${")


def _rule(rule: Rule) -> dict[str, Any]:
    """Return a rule as an entry of the file, without the keys that have their defaults."""
    beans = [_literal(bean.text) for bean in rule.beans]
    entry: dict[str, Any] = {
        "bean": beans[0] if len(beans) == 1 else beans,
        "measurement": _literal(rule.measurement),
    }
    if rule.help:
        entry["help"] = _literal(rule.help)
    if rule.unit:
        entry["unit"] = _literal(rule.unit)
    if rule.every_s is not None:
        entry["every"] = format_duration(rule.every_s)
    if rule.optional:
        entry["optional"] = True
    if rule.limit is not None:
        entry["limit"] = rule.limit
    if rule.sum_over:
        entry["sum_over"] = list(map(_literal, rule.sum_over))
    if rule.tags:
        entry["tags"] = {tag: _literal(key) for tag, key in rule.tags.items()}
    entry["fields"] = {_path(field): _field(field) for field in rule.fields}
    return entry


def _path(field: Field) -> str:
    """Return the attribute of a field as a key of the file."""
    if field.pattern is not None:
        return field.attribute
    return ".".join(_SPECIAL.sub(r"\\\g<0>", name) for name in (field.attribute, *field.path))


def _field(field: Field) -> Any:
    """Return a field as the file has it: its name alone, or a mapping."""
    entry: dict[str, Any] = {"name": _literal(field.name)}
    if field.type is not FieldType.FLOAT:
        entry["type"] = str(field.type)
    if field.unit:
        entry["unit"] = _literal(field.unit)
    if field.scale != 1.0:
        entry["scale"] = field.scale
    if field.states is not None:
        entry["states"] = dict(field.states)
    if field.otherwise is not None:
        entry["else"] = field.otherwise
    return entry["name"] if len(entry) == 1 else entry
