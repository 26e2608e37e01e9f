"""Origins of values as comments in YAML."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.config.show.comments import annotated

ORIGINS = {("a",): "one", ("b", "c"): "two", ("b", "d"): "three", ("l", 0): "four"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\n", "a: 1  # one\n"),
        ("x: 1\n", "x: 1  # default\n"),
        ("b: {c: 1, d: 2}\n", "b: {c: 1, d: 2}  # c: two; d: three\n"),
        ("b: {c: 1, x: {y: 2}}\n", "b: {c: 1, x: {y: 2}}  # c: two; x: default\n"),
        ("b: {x: 1, y: 2}\n", "b: {x: 1, y: 2}  # default\n"),
        ("b: {}\n", "b: {}  # default\n"),
        ("b:\n  c: 1\n  d: 2\n", "b:\n  c: 1  # two\n  d: 2  # three\n"),
        ("l:\n- 1\n- 2\n", "l:\n- 1  # four\n- 2  # default\n"),
        ("l: [1, 2]\n", "l: [1, 2]  # default\n"),
        ("a: 'x\n  y'\n", "a: 'x\n  y'  # one\n"),
        ("", ""),
    ],
)
def test_annotated(text: str, expected: str) -> None:
    """A value in one line has one comment, by key where they differ; a folded one at its end."""
    assert annotated(text, ORIGINS) == expected


LEAVES = st.one_of(st.text(max_size=150), st.integers(), st.lists(st.text(max_size=60), max_size=4))


TREES = st.dictionaries(
    st.text(min_size=1, max_size=8),
    st.recursive(
        LEAVES, lambda inner: st.dictionaries(st.text(min_size=1, max_size=8), inner, max_size=3)
    ),
    min_size=1,
    max_size=5,
)


@given(TREES)
def test_annotated_text_has_the_same_meaning(tree: dict[str, object]) -> None:
    """Texts that YAML folds, quotes or escapes, and texts that contain a #, stay the same."""
    text = yaml.safe_dump(tree, width=100, allow_unicode=True, default_flow_style=None)
    with_comments = annotated(text, {})
    assert yaml.safe_load(with_comments) == yaml.safe_load(text)
    assert with_comments.count("# default") >= 1
