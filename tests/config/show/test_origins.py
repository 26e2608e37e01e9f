"""Where each value comes from, and that saying it changes nothing."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.config.loader import load, load_origins
from jmxbridge.config.show.comments import annotated
from jmxbridge.config.show.effective import show

TEXT = """\
cluster: ${CLUSTER:-prod}
influxdb:
  url: http://i:8086
  bucket: ${BUCKET}
  token_file: token
kafka: {bootstrap: ['k:1', "${OTHER:-k}:2"], groups: {allow: a}}
include: more.yaml
targets:
  - {discover: kafka, jmx_port: 9999, collect: jvm}
  - name: one
    jmx: a:1
    collect: [jvm]
"""
MORE = """\
targets:
  - {name: two, jmx: 'b:2', collect: [jvm], tags: {app: "#x"}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of every kind of value, which includes another one."""
    (tmp_path / "mbeans.yaml").write_text(TEXT)
    (tmp_path / "more.yaml").write_text(MORE)
    (tmp_path / "token").write_text("swordfish")
    return tmp_path / "mbeans.yaml"


def shown(file: Path, **environ: str) -> str:
    """What `config show` prints, with names of files alone."""
    made = show(load(file, environ), load_origins(file, environ))
    return made.replace(f"{file.parent}/", "")


@pytest.mark.parametrize(
    "line",
    [
        "cluster: prod  # mbeans.yaml:1, ${CLUSTER:-…}",
        "interval: 10s  # default",
        "influxdb: {url: 'http://i:8086', bucket: b, token_file: token}  # "
        "url: mbeans.yaml:3; bucket: mbeans.yaml:4, ${BUCKET}; "
        "token_file: mbeans.yaml:5, a credential of systemd",
        "  bootstrap: ['k:1', 'o:2']  # mbeans.yaml:6, ${OTHER}",
        "    allow: [a]  # mbeans.yaml:6",
        "  timeout: 5s  # default",
        "- name: one  # mbeans.yaml:10",
        "- name: two  # more.yaml:2",
        "  tags: {app: '#x'}  # more.yaml:2",
        "- discover: kafka  # mbeans.yaml:9",
        "store: {retain: 2d, max_size: 1GiB, when_full: drop_oldest}  # default",
    ],
)
def test_each_value_says_where_it_comes_from(file: Path, line: str) -> None:
    """A line of a file, the variables in it, or a default; what those hold is not repeated."""
    text = shown(file, BUCKET="b", OTHER="o", CREDENTIALS_DIRECTORY=str(file.parent))
    assert line in text.splitlines()
    assert "swordfish" not in text


def test_what_is_shown_means_what_it_means_without(file: Path) -> None:
    """Comments are comments."""
    environ = {"BUCKET": "b"}
    assert yaml.safe_load(shown(file, **environ)) == yaml.safe_load(
        show(load(file, environ)).replace(f"{file.parent}/", "")
    )


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
def test_no_text_is_changed_by_the_comments(tree: dict[str, object]) -> None:
    """Texts that YAML folds, quotes or escapes, and those with a # of their own, come through."""
    text = yaml.safe_dump(tree, width=100, allow_unicode=True, default_flow_style=None)
    with_comments = annotated(text, {})
    assert yaml.safe_load(with_comments) == yaml.safe_load(text)
    assert with_comments.count("# default") >= 1
