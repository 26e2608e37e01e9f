"""JSON Schema for editors, against valid files and broken ones."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import yaml

from jmxbridge.config.loader import SCHEMA, schema_line
from jmxbridge.config.schema import schema

ROOT = Path(__file__).parents[2]
BROKEN = Path(__file__).parent / "broken"
KINDS: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "number": (int, float),
    "integer": int,
    "boolean": bool,
    "null": type(None),
}


def fits(value: Any, wanted: dict[str, Any]) -> bool:
    """Whether a value matches a schema of the few keywords that ours uses."""
    if "anyOf" in wanted:
        return any(fits(value, choice) for choice in wanted["anyOf"])
    if "enum" in wanted:
        return value in wanted["enum"]
    kinds = wanted["type"] if isinstance(wanted["type"], list) else [wanted["type"]]
    if not any(isinstance(value, KINDS[kind]) for kind in kinds):
        return False
    if isinstance(value, list):
        return all(fits(item, wanted["items"]) for item in value)
    return not isinstance(value, dict) or fits_object(value, wanted)


def fits_object(value: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Whether an object has the keys that a schema requires, and values that match."""
    known, others = wanted.get("properties", {}), wanted["additionalProperties"]
    if not set(wanted.get("required", ())) <= value.keys():
        return False
    return all(
        fits(item, known[key]) if key in known else others and fits(item, others)
        for key, item in value.items()
    )


@pytest.mark.parametrize("file", ["mbeans.yaml", "tests/cli/golden/mbeans.yaml"])
def test_valid_file_fits_the_schema(file: str) -> None:
    """An editor marks nothing in a file that passes check."""
    assert fits(yaml.safe_load((ROOT / file).read_text()), schema())


@pytest.mark.parametrize(
    "name",
    [
        "unknown_key",
        "missing_keys",
        "fields_as_list",
        "tags_as_list",
        "rule_is_text",
        "set_is_a_rule",
        "target_is_text",
        "type_typo",
        "text_is_a_list",
    ],
)
def test_broken_file_does_not_fit_the_schema(name: str) -> None:
    """An editor marks unknown keys, missing ones, and lists in place of mappings."""
    assert not fits(yaml.safe_load((BROKEN / f"{name}.yaml").read_text()), schema())


def test_schema_ships_as_a_file() -> None:
    """The file is what `jmxbridge config schema` prints: print it there after a change."""
    assert SCHEMA.read_text() == json.dumps(schema(), indent=2) + "\n"


def test_first_line_of_a_file_leads_to_the_schema() -> None:
    """The shipped file has a relative path; files that `init` writes have a URL of this machine."""
    first = (ROOT / "mbeans.yaml").read_text().splitlines()[0]
    mark = "# yaml-language-server: $schema="
    assert (ROOT / first.removeprefix(mark)).samefile(SCHEMA)
    url = schema_line().removeprefix(mark).rstrip()
    assert Path(unquote(urlsplit(url).path)).samefile(SCHEMA)
    assert " " not in url
