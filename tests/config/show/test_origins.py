"""Origins of values: lines, variables, files, defaults."""

from pathlib import Path

import pytest
import yaml

from jmxbridge.config.loader import load, load_origins
from jmxbridge.config.show.effective import show
from jmxbridge.config.show.origins import origins
from jmxbridge.config.text.yaml_parser import compose

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
    """A file with every kind of value, which includes another one."""
    (tmp_path / "mbeans.yaml").write_text(TEXT)
    (tmp_path / "more.yaml").write_text(MORE)
    (tmp_path / "token").write_text("swordfish")
    return tmp_path / "mbeans.yaml"


def shown(file: Path, **environ: str) -> str:
    """Return what `config show` prints, with the names of files alone."""
    text = show(load(file, environ), load_origins(file, environ))
    return text.replace(f"{file.parent}/", "")


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
def test_each_value_has_its_origin(file: Path, line: str) -> None:
    """A line of a file, the variables in it, or a default; values of variables are not shown."""
    text = shown(file, BUCKET="b", OTHER="o", CREDENTIALS_DIRECTORY=str(file.parent))
    assert line in text.splitlines()
    assert "swordfish" not in text


def test_origins_do_not_change_the_meaning(file: Path) -> None:
    """YAML reads the same with comments and without."""
    environ = {"BUCKET": "b"}
    assert yaml.safe_load(shown(file, **environ)) == yaml.safe_load(
        show(load(file, environ)).replace(f"{file.parent}/", "")
    )


def origins_of(text: str, **environ: str) -> dict[tuple[str | int, ...], str]:
    """Return the origins of the values of a text."""
    root = compose(text).root
    assert root is not None
    return dict(origins(root, file="f.yaml", environ=environ))


@pytest.mark.parametrize(
    ("text", "environ", "origin"),
    [
        ("a: b", {}, "f.yaml:1"),
        ("a: ${X}-${Y}-${X}", {"X": "1"}, "f.yaml:1, ${X}, ${Y}"),
        ("a: ${X:-1}", {"X": "1"}, "f.yaml:1, ${X}"),
        ("a: ${X:-1}", {"X": ""}, "f.yaml:1, ${X:-…}"),
        ("a: [b, '${X}']", {}, "f.yaml:1, ${X}"),
        ("a: [{b: '${X}'}]", {}, "f.yaml:1"),
    ],
)
def test_origin_of_a_value(text: str, environ: dict[str, str], origin: str) -> None:
    """The line, and each variable once; a list has the variables of its items."""
    assert origins_of(text, **environ) == {("a",): origin}


@pytest.mark.parametrize(
    ("name", "is_credential"), [("token", True), ("/etc/token", False), ("[a, b]", False)]
)
def test_origin_of_a_credential(name: str, is_credential: bool) -> None:
    """A bare name under a `*_file` key is one, where systemd gives credentials."""
    text = f"a_file: {name}"

    with_systemd = origins_of(text, CREDENTIALS_DIRECTORY="/run/c")
    assert ("a credential of systemd" in with_systemd["a_file",]) is is_credential
    assert "a credential of systemd" not in origins_of(text)["a_file",]


def test_origins_of_targets_are_in_the_order_shown() -> None:
    """Targets that are discovered come after the others."""
    text = "targets:\n- {discover: kafka}\n- {name: a}\n- text\n"

    assert origins_of(text) == {
        ("targets", 0, "name"): "f.yaml:3",
        ("targets", 1): "f.yaml:4",
        ("targets", 2, "discover"): "f.yaml:2",
    }
