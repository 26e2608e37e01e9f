"""Target of a command: a name from the file, HOST:PORT, and what is neither."""

from pathlib import Path

import pytest

from tests.cli.calling import call


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["ls", "nobody"], "nobody is neither a target of the file"),
        (["ls", "broker-2"], "(did you mean broker-1?) nor HOST:PORT"),
        (["ls", "else"], "(the file has broker-1) nor HOST:PORT"),
        (["get", "127.0.0.1:1", "java.lang"], "; all MBeans of a domain are java.lang:*"),
    ],
)
def test_unknown_targets_and_malformed_names_are_usage_errors(
    arguments: list[str], word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message lists or suggests targets; no connection is made."""
    monkeypatch.chdir(tmp_path)
    target = "{name: broker-1, jmx: 'k:9999', collect: [jvm]}"
    Path("mbeans.yaml").write_text(f"targets: [{target}]\n")
    result = call("mbeans", *arguments)
    assert result.exit_code == 2
    assert word in result.stderr


def test_unknown_sets_are_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message lists the sets of the file and the packs."""
    monkeypatch.chdir(Path(__file__).parent / "golden")
    result = call("mbeans", "explain", "orders", "--collect", "brokr")
    assert result.exit_code == 2
    assert "no set or pack brokr: there is consumer, memory, jvm, kafka-broker," in result.stderr
