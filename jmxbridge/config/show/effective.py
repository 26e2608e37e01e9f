"""Settings back to a file: everything that holds, defaults and packs included, secrets not.

Rule: read again, it means the same. A secret is shown as a variable that names its key, so the
text is a file that works where that variable is set.
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

# As wide as the house's own files.
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
# What no file says, and the sets, which are written one by one.
_NOT_IN_HEAD = ("path", "warnings", "mbeans", "discover")
_SPECIAL = re.compile(r"[\\.{}]")


def show(settings: Settings, origins: Origins | None = None) -> str:
    """Write settings as YAML, each rule below where it comes from, other values before it."""
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
    """Write how a cluster is met, as it stands under `kafka`; nothing where that is the default."""
    found = {key: value for key, value in _section(kafka).items() if key in ("tls", "sasl")}
    text = _yaml(found) if found else ""
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
    """Write the fields of a section under the keys that the file has for them."""
    found = {}
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if value is None or (isinstance(section, Settings) and name in _NOT_IN_HEAD):
            continue
        if isinstance(section, Settings) and name == "targets":
            value = (*value, *section.discover)
        key = str(field.validation_alias or name)
        found[key] = _value(name, key, value)
    return _without_files(found)


def _without_files(found: dict[str, Any]) -> dict[str, Any]:
    """A secret that was read from a file is shown by its file alone."""
    return {key: value for key, value in found.items() if f"{key}_file" not in found}


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
        return {key: _value("", "", each) for key, each in value.items()}
    if isinstance(value, tuple):
        return [_value("", "", each) for each in value]
    return _literal(str(value))


def _literal(text: str) -> str:
    """Write a text so that no variable is seen in it."""
    return text.replace("${", "$${")


def _rule(rule: Rule) -> dict[str, Any]:
    """Write a rule; what is as it is by default is left out."""
    beans = [_literal(bean.text) for bean in rule.beans]
    found: dict[str, Any] = {
        "bean": beans[0] if len(beans) == 1 else beans,
        "measurement": _literal(rule.measurement),
    }
    if rule.help:
        found["help"] = _literal(rule.help)
    if rule.unit:
        found["unit"] = _literal(rule.unit)
    if rule.every_s is not None:
        found["every"] = format_duration(rule.every_s)
    if rule.optional:
        found["optional"] = True
    if rule.limit is not None:
        found["limit"] = rule.limit
    if rule.sum_over:
        found["sum_over"] = list(map(_literal, rule.sum_over))
    if rule.tags:
        found["tags"] = {tag: _literal(key) for tag, key in rule.tags.items()}
    found["fields"] = {_path(field): _field(field) for field in rule.fields}
    return found


def _path(field: Field) -> str:
    """Write what a field reads as the file has it."""
    if field.pattern is not None:
        return field.attribute
    return ".".join(_SPECIAL.sub(r"\\\g<0>", name) for name in (field.attribute, *field.path))


def _field(field: Field) -> Any:
    found: dict[str, Any] = {"name": _literal(field.name)}
    if field.type is not FieldType.FLOAT:
        found["type"] = str(field.type)
    if field.unit:
        found["unit"] = _literal(field.unit)
    if field.scale != 1.0:
        found["scale"] = field.scale
    if field.states is not None:
        found["states"] = dict(field.states)
    if field.otherwise is not None:
        found["else"] = field.otherwise
    return found["name"] if len(found) == 1 else found
