"""Shell completion of targets and groups."""

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
    """Change to a folder with a mbeans.yaml, with a home of the test's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setitem(SERVICE_STATE, "STATE_DIRECTORY", str(tmp_path / "service"))
    Path("mbeans.yaml").write_text(FILE)


def offered(*words: str) -> list[str]:
    """Return the completions in bash of these words, the last of which is not finished."""
    line = {
        "_JMXBRIDGE_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(("jmxbridge", *words)),
        "COMP_CWORD": str(len(words)),
    }
    result = CliRunner().invoke(app, [], env={**os.environ, **line}, prog_name="jmxbridge")
    assert not result.stderr
    return result.stdout.split()


def remember(folder: Path, *groups: str) -> None:
    """Write the state that a run leaves after it saw these groups."""
    folder.mkdir(parents=True)
    memory = SavedState(groups={name: LastCommits({"t": {0: 1}}, None) for name in groups})
    (folder / "prod.lag.json").write_bytes(encode(memory))


@pytest.mark.parametrize("words", [["run", "--only"], ["mbeans", "ls"], ["mbeans", "explain"]])
def test_completion_offers_the_targets_of_the_file(words: list[str]) -> None:
    """Those that begin so, also of a file with errors or unset variables."""
    assert offered(*words, "brok") == ["broker-1", "broker-2"]
    assert offered(*words, "o") == ["orders"]


def test_completion_reads_the_file_of_the_command_line() -> None:
    """`-f` names another file than mbeans.yaml."""
    Path("b.yaml").write_text("targets: [{name: other}]")
    assert offered("mbeans", "ls", "-f", "b.yaml", "") == ["other"]


def test_completion_offers_the_groups_of_the_last_run() -> None:
    """They are in the lag poll's state, next to the store."""
    remember(Path("state/jmxbridge"), "orders", "orders-late", "billing")
    assert offered("lag", "or") == ["orders", "orders-late"]
    assert offered("lag", "") == ["billing", "orders", "orders-late"]


def test_completion_offers_the_groups_of_the_service() -> None:
    """If this user never ran it, the state of the system's service is used."""
    remember(Path("service"), "orders")
    assert offered("lag", "") == ["orders"]


@pytest.mark.parametrize("text", [None, "targets: [", "- 1", "targets: {a: 1}", "targets: [3]"])
def test_completion_is_silent_without_a_file(text: str | None) -> None:
    """No file, no YAML, other YAML or no state: no completion and no message."""
    Path("mbeans.yaml").unlink()
    if text is not None:
        Path("mbeans.yaml").write_text(text)
    assert offered("run", "--only", "") == []
    assert offered("lag", "") == []


def test_completion_ignores_a_damaged_state() -> None:
    """A state that cannot be read offers no group."""
    remember(Path("state/jmxbridge"), "orders")
    Path("state/jmxbridge/prod.lag.json").write_text("{")
    assert offered("lag", "") == []
