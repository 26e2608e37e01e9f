"""The schema for editors, against files that are right and files that are not."""

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
    """Judge by the few words of JSON Schema that ours is made of."""
    if "anyOf" in wanted:
        return any(fits(value, each) for each in wanted["anyOf"])
    if "enum" in wanted:
        return value in wanted["enum"]
    kinds = wanted["type"] if isinstance(wanted["type"], list) else [wanted["type"]]
    if not any(isinstance(value, KINDS[kind]) for kind in kinds):
        return False
    if isinstance(value, list):
        return all(fits(each, wanted["items"]) for each in value)
    return not isinstance(value, dict) or fits_object(value, wanted)


def fits_object(value: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Judge keys and what stands under them."""
    known, others = wanted.get("properties", {}), wanted["additionalProperties"]
    if not set(wanted.get("required", ())) <= value.keys():
        return False
    return all(
        fits(each, known[key]) if key in known else others and fits(each, others)
        for key, each in value.items()
    )


@pytest.mark.parametrize("file", ["mbeans.yaml", "tests/cli/golden/mbeans.yaml"])
def test_a_file_that_passes_check_fits(file: str) -> None:
    """An editor has nothing to say against what works."""
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
def test_a_file_of_another_shape_does_not(name: str) -> None:
    """Unknown keys, missing ones, lists for mappings: an editor marks them while one types."""
    assert not fits(yaml.safe_load((BROKEN / f"{name}.yaml").read_text()), schema())


def test_it_ships_as_a_file() -> None:
    """What editors read is what `jmxbridge config schema` prints: print it into that file again."""
    assert SCHEMA.read_text() == json.dumps(schema(), indent=2) + "\n"


def test_the_first_line_leads_to_it() -> None:
    """From the shipped file by a path beside it; from what `init` writes by a URL, offline."""
    first = (ROOT / "mbeans.yaml").read_text().splitlines()[0]
    mark = "# yaml-language-server: $schema="
    assert (ROOT / first.removeprefix(mark)).samefile(SCHEMA)
    url = schema_line().removeprefix(mark).rstrip()
    assert Path(unquote(urlsplit(url).path)).samefile(SCHEMA)
    assert " " not in url
