"""Example lines in messages: each of them works."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from jmxbridge.config.loader import packs
from jmxbridge.config.model.examples import EXAMPLES, RULE, TARGET, example

FindProblems = Callable[..., list[str]]

SECTIONS = ("influxdb", "kafka", "store")


def checked(content: dict[str, Any], problems: FindProblems) -> list[str]:
    """Return the problems of a file with this content."""
    text = yaml.safe_dump(content)
    return problems(text, read_secret=lambda path: "x", packs=packs(), kafka=False)


@pytest.mark.parametrize("key", [*SECTIONS, "advertised", "groups", "topics", "sasl", "tls"])
def test_example_of_a_section_is_valid(key: str, problems: FindProblems) -> None:
    """A person who writes what a message shows has a file that passes."""
    value = yaml.safe_load(EXAMPLES[key].replace("HOST", "host"))
    content: dict[str, Any] = {"kafka": {"bootstrap": "k:9092"}}
    section = content if key in SECTIONS else content["kafka"]
    section[key] = value

    assert checked(content, problems) == []


def test_example_of_a_target_and_a_rule_is_valid(problems: FindProblems) -> None:
    """The items of lists pass too."""
    target = yaml.safe_load(TARGET.replace("HOST", "host")) | {"collect": ["own"]}
    content = {"targets": [target], "mbeans": {"own": [yaml.safe_load(RULE)]}}

    assert checked(content, problems) == []


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("kafka", "tls"), "tls: {}"),
        (("targets", 0), f"- {TARGET}"),
        (("mbeans", "own", 2), f"- {RULE}"),
        (("mbeans", "own", 2, "fields"), "fields: {Attribute: field_name}"),
        (("mbeans", "own"), None),
        (("targets", 3, "tags", "a"), None),
        ((), None),
    ],
)
def test_example_of_a_path(path: tuple[str | int, ...], line: str | None) -> None:
    """Keys with a form of their own have a line; names that a person chose have none."""
    assert example(path) == line
