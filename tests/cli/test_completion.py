"""What the shell offers for targets and groups."""

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jmxbridge.cli import app
from jmxbridge.cli.completion import SERVICE_STATE
from jmxbridge.lag.history.saved_state import SavedState, encode
from jmxbridge.lag.history.vanished_groups import LastCommits

# A variable that is set for the service alone, and a mistake: neither hides the names.
FILE = """\
cluster: prod
influxdb: {url: 'http://i:8086', bucket: k, token: '${NOT_SET_HERE}'}
kafka: {bootstrap: ['k1:9092']}
intervall: 3s
targets:
  - {name: broker-1, jmx: 'k1:9999', collect: [jvm]}
  - {name: broker-2, jmx: 'k2:9999', collect: [jvm]}
  - {name: orders, jmx: 'app:9998', collect: [jvm]}
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand where a mbeans.yaml is, with a home of the test's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setitem(SERVICE_STATE, "STATE_DIRECTORY", str(tmp_path / "service"))
    Path("mbeans.yaml").write_text(FILE)


def offered(*words: str) -> list[str]:
    """Press Tab behind these words, the last of which is not finished, in a bash."""
    line = {
        "_JMXBRIDGE_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(("jmxbridge", *words)),
        "COMP_CWORD": str(len(words)),
    }
    result = CliRunner().invoke(app, [], env={**os.environ, **line}, prog_name="jmxbridge")
    assert not result.stderr
    return result.stdout.split()


def remember(folder: Path, *groups: str) -> None:
    """Leave what a run leaves that saw these groups."""
    folder.mkdir(parents=True)
    memory = SavedState(groups={name: LastCommits({"t": {0: 1}}, None) for name in groups})
    (folder / "prod.lag.json").write_bytes(encode(memory))


@pytest.mark.parametrize("words", [["run", "--only"], ["mbeans", "ls"], ["mbeans", "explain"]])
def test_targets_are_those_of_the_file(words: list[str]) -> None:
    """Names that begin so, of a file that has mistakes and wants variables, too."""
    assert offered(*words, "brok") == ["broker-1", "broker-2"]
    assert offered(*words, "o") == ["orders"]


def test_another_file_has_other_targets() -> None:
    """The file that the line names is read."""
    Path("b.yaml").write_text("targets: [{name: other}]")
    assert offered("mbeans", "ls", "-f", "b.yaml", "") == ["other"]


def test_groups_are_those_of_the_last_run() -> None:
    """They are in the lag poll's memory, beside the store."""
    remember(Path("state/jmxbridge"), "orders", "orders-late", "billing")
    assert offered("lag", "or") == ["orders", "orders-late"]
    assert offered("lag", "") == ["billing", "orders", "orders-late"]


def test_the_services_groups_are_offered_to_its_admin() -> None:
    """Where this user never ran it, the system's service did."""
    remember(Path("service"), "orders")
    assert offered("lag", "") == ["orders"]


@pytest.mark.parametrize("text", [None, "targets: [", "- 1", "targets: {a: 1}", "targets: [3]"])
def test_nothing_is_offered_and_nothing_said_where_there_is_nothing(text: str | None) -> None:
    """No file, no YAML, other YAML, no memory: silence."""
    Path("mbeans.yaml").unlink()
    if text is not None:
        Path("mbeans.yaml").write_text(text)
    assert offered("run", "--only", "") == []
    assert offered("lag", "") == []


def test_a_damaged_memory_offers_nothing() -> None:
    """What cannot be read is passed over."""
    remember(Path("state/jmxbridge"), "orders")
    Path("state/jmxbridge/prod.lag.json").write_text("{")
    assert offered("lag", "") == []
