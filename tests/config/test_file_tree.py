"""One file, and the files it includes, as one tree."""

from pathlib import Path

import pytest

from jmxbridge.config.file_tree import read_tree
from jmxbridge.config.model.model_reader import ModelReader
from jmxbridge.config.text.problem import ConfigError
from jmxbridge.config.text.tree import Mapping, Sequence, value_at


def tree_of(text: str, included: str = "") -> tuple[ModelReader, Mapping]:
    """Read a text that may include a file of another text."""
    return read_tree(
        text,
        path=Path("f.yaml"),
        environ={},
        read_included=lambda path: [(path, included)],
    )


def test_read_tree_adds_what_is_included() -> None:
    """Targets of both files are one list, and `include` is gone."""
    reader, root = tree_of("include: g.yaml\ntargets: [a]\n", "targets: [b]\n")

    targets = value_at(root, "targets")
    assert isinstance(targets, Sequence)
    assert [target.span.file for target in targets.items] == ["", "g.yaml"]
    assert root.get("include") is None
    assert reader.problems == []


def test_read_tree_collects_faults() -> None:
    """A duplicate key does not end the reading."""
    reader, root = tree_of("cluster: a\ncluster: b\n")

    assert [entry.key.text for entry in root.entries] == ["cluster"]
    assert [problem.line for problem in reader.problems] == [2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty: it needs kafka: or targets: at least"),
        ("~", "the file is empty: it needs kafka: or targets: at least"),
        ("{}", "wants keys (cluster, interval, max_series, include, "),
        ("[a]", "wants keys (cluster, interval, max_series, include, "),
        ("text", "wants keys (cluster, interval, max_series, include, "),
        ("a: [b", "not YAML: this [ is never closed"),
    ],
)
def test_read_tree_refuses(text: str, message: str) -> None:
    """A text without keys has nothing that could be checked."""
    with pytest.raises(ConfigError) as caught:
        tree_of(text)

    (problem,) = caught.value.problems
    assert problem.message.startswith(message)


def test_read_tree_hides_secrets() -> None:
    """Excerpts of the reader's source are masked."""
    reader, _ = tree_of("token: swordfish\n")

    assert reader.source.excerpt(0, 0, 1)[0] == "token: ***"
