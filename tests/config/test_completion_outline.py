"""Outlines of files for shell completion."""

from pathlib import Path

import pytest

from jmxbridge.config.completion_outline import Outline, outline

PATH = Path("/etc/jmxbridge/mbeans.yaml")


def test_outline_has_targets_and_store() -> None:
    """Names of targets, and what tells where the store is."""
    text = "cluster: c\nstore: {path: s.db}\ntargets:\n- {name: a}\n- {name: b, jxm: x}\n- text\n"

    result = outline(text, PATH)

    assert result.targets == ("a", "b")
    assert result.settings is not None
    assert result.settings.cluster == "c"
    assert result.settings.store.path == Path("/etc/jmxbridge/s.db")


def test_outline_of_a_file_with_mistakes_and_variables() -> None:
    """Unknown keys, missing ones and variables that are not set do not matter."""
    result = outline("kafak: 1\ntargets:\n- {name: a, jmx: '${NOPE}'}\n", PATH)

    assert result.targets == ("a",)
    assert result.settings is not None
    assert (result.settings.cluster, result.settings.store.path) == ("local", None)


@pytest.mark.parametrize("text", ["targets: text\n", "targets:\n", "[a]", ""])
def test_outline_without_targets(text: str) -> None:
    """A section of another type names none."""
    assert outline(text, PATH).targets == ()


def test_outline_of_a_text_that_is_not_yaml_is_empty() -> None:
    """While a person types, a bracket may be open."""
    assert outline("targets: [", PATH) == Outline()
