"""JSON Schema of a file, for editors, generated from the models.

It accepts more than `check`, which alone knows patterns, other rules and the environment: a text
may stand where a number is wanted, because it may be a variable.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any, Literal, get_args, get_origin

from jmxbridge.config.inclusion import KEY
from jmxbridge.config.model.models import (
    DiscoverSettings,
    InfluxSettings,
    KafkaSettings,
    Section,
    StoreSettings,
    TargetSettings,
    TopLevel,
)
from jmxbridge.config.model.rule_entry import FieldEntry, RuleEntry

TEXT = {"type": ["string", "number", "boolean"]}
# A value with a unit is a text in the file.
_WITH_UNIT = ("_s", "_bytes")


def schema() -> dict[str, Any]:
    """Return the schema of mbeans.yaml, in draft 7, which editors support."""
    sections: dict[str, type[Section]] = {
        "influxdb": InfluxSettings,
        "kafka": KafkaSettings,
        "store": StoreSettings,
    }
    root = _section(TopLevel)
    root["properties"] |= {key: _or_nothing(_section(model)) for key, model in sections.items()}
    root["properties"]["targets"] = _or_nothing(
        _list({"anyOf": [_section(TargetSettings), _section(DiscoverSettings)]})
    )
    root["properties"]["mbeans"] = _or_nothing(
        {"type": "object", "additionalProperties": _list(_section(RuleEntry))}
    )
    root["properties"][KEY] = {
        "anyOf": [TEXT, _list(TEXT)],
        "description": "Files with more targets and sets of rules.",
    }
    root["description"] = (
        "JVMs and the Kafka cluster that jmxbridge polls, and the fields it writes."
    )
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": "mbeans.yaml", **root}


def _or_nothing(section: dict[str, Any]) -> dict[str, Any]:
    """Accept a section of nothing but comments, which is as if it were not there."""
    return {"anyOf": [section, {"type": "null"}]}


def _list(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": item}


def _section(model: type[Section]) -> dict[str, Any]:
    properties, required = {}, []
    for name, field in model.model_fields.items():
        key = str(field.validation_alias or name)
        properties[key] = TEXT if name.endswith(_WITH_UNIT) else _of(field.annotation)
        if field.is_required():
            required.append(key)
    section: dict[str, Any] = {
        "description": " ".join((model.__doc__ or "").split()),
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }
    return section | ({"required": required} if required else {})


def _of(annotation: Any) -> dict[str, Any]:
    """Return the schema of a value of this type."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is Mapping:
        return {"type": "object", "additionalProperties": _of(arguments[1])}
    if origin is tuple:
        return {"anyOf": [_of(arguments[0]), _list(_of(arguments[0]))]}
    if origin is not None:  # Annotated, or a union with None
        return _of(next(argument for argument in arguments if argument is not type(None)))
    return _of_class(annotation)


def _of_class(annotation: Any) -> dict[str, Any]:
    if annotation is FieldEntry:
        return {"anyOf": [TEXT, _section(FieldEntry)]}
    if issubclass(annotation, Section):
        return _section(annotation)
    if issubclass(annotation, Enum):
        return {"enum": [str(member.value) for member in annotation]}
    for kind, name in ((bool, "boolean"), (int, "integer"), (float, "number")):
        if issubclass(annotation, kind):
            return {"type": [name, "string"]}
    return TEXT
