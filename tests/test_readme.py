"""README, mbeans.yaml and --help name everything there is: commands, their options, the keys."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import typer.main

from jmxbridge.cli import app
from jmxbridge.config.document import build
from jmxbridge.config.loader import packs
from jmxbridge.config.schema import schema
from tests.cli.test_commands import COMMANDS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
SHIPPED = (ROOT / "mbeans.yaml").read_text()


def commands(found: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Every command that can be typed, by its words."""
    inner = getattr(found, "commands", None)
    if inner is None:
        yield " ".join(path), found
        return
    for name, each in inner.items():
        yield from commands(each, (*path, name))


ALL = dict(commands(typer.main.get_command(app)))


def keys(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every key that the schema of a file has, by where it stands."""
    for key, each in node.get("properties", {}).items():
        yield (*path, key)
        yield from keys(each, (*path, key))
    for inside in (node.get("items"), node.get("additionalProperties")):
        if isinstance(inside, dict):
            yield from keys(inside, path)
    for each in node.get("anyOf", ()):
        yield from keys(each, path)


def test_the_tests_know_every_command() -> None:
    """What is asked of each command is asked of all: help, an example, a row in the README."""
    assert sorted(ALL) == sorted(COMMANDS)


@pytest.mark.parametrize("command", ALL)
def test_every_option_says_what_it_does(command: str) -> None:
    """In --help; those that only refuse old habits are not shown there."""
    for each in ALL[command].params:
        assert getattr(each, "help", None) or getattr(each, "hidden", False), each.name


def test_readme_names_every_key() -> None:
    """Itself, or the file it sends the reader to: as `key:`, or in a piece of code."""
    spans = " ".join(re.findall(r"`[^`\n]+`", README + SHIPPED))
    missing = []
    for path in dict.fromkeys(keys(schema())):
        key = re.escape(path[-1])
        as_key = re.search(rf"(?<![\w-]){key}:", README + SHIPPED)
        if not as_key and not re.search(rf"(?<![\w-]){key}(?![\w-])", spans):
            missing.append(".".join(path))
    assert missing == []
    assert "the keys that are not explained here" in README


@pytest.mark.parametrize("text", re.findall(r"(?ms)^```yaml\n(.*?)^```", README))
def test_examples_of_the_readme_are_right(text: str) -> None:
    """Pasted into a file as they are, each of them passes `check`."""
    path = Path("mbeans.yaml")
    made = build(
        text, path=path, environ={"INFLUX_TOKEN": "x"}, read_secret=lambda _: "x", packs=packs()
    )
    assert made.targets or made.kafka
    assert [each.message for each in made.warnings] == []
