"""Lines that messages tell people to write."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from jmxbridge.config.loader import packs
from jmxbridge.config.model.examples import EXAMPLES, RULE, TARGET, example
from jmxbridge.config.settings_builder import build

ON_TOP = ("influxdb", "kafka", "store")


@pytest.mark.parametrize("key", [*ON_TOP, "groups", "topics", "sasl", "tls"])
def test_an_example_is_right(key: str) -> None:
    """Who writes what a message says has a file that passes."""
    made = yaml.safe_load(EXAMPLES[key].replace("HOST", "host"))
    content = {"kafka": {"bootstrap": "k:9092"}}
    if key in ON_TOP:
        content[key] = made
    else:
        content["kafka"][key] = made
    assert checked(content)


def test_a_target_and_a_rule_are_right() -> None:
    """So is what stands in lists."""
    target = yaml.safe_load(TARGET.replace("HOST", "host")) | {"collect": ["own"]}
    assert checked({"targets": [target], "mbeans": {"own": [yaml.safe_load(RULE)]}})


def test_what_has_no_form_of_its_own_has_no_example() -> None:
    """A name that a person chose may be that of a section."""
    assert example(("mbeans", "own")) is None
    assert example(("targets", 3, "tags", "a")) is None
    assert example(()) is None


def checked(content: Mapping[str, object]) -> bool:
    """Read a file; raises ConfigError."""
    text = yaml.safe_dump(content)
    path = Path("mbeans.yaml")
    build(text, path=path, environ={}, read_secret=lambda _: "x", packs=packs())
    return True
