"""Arguments of several commands: the settings file, named or found."""

from pathlib import Path

import pytest

from tests.cli.calling import call

ROOT = Path(__file__).parents[2]


def test_file_defaults_to_mbeans_yaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`mbeans.yaml` in the current directory is used if no file is named."""
    monkeypatch.chdir(tmp_path)
    assert call("check").exit_code == 78
    (tmp_path / "mbeans.yaml").write_text((ROOT / "mbeans.yaml").read_text())
    assert call("check").exit_code == 0


@pytest.mark.parametrize("command", ["run", "once", "check"])
def test_a_missing_file_is_a_configuration_error(command: str, tmp_path: Path) -> None:
    """Status 78 and the name of the file; systemd does not restart a service with this status."""
    missing = tmp_path / "nowhere.yaml"
    result = call(command, str(missing))
    assert result.exit_code == 78
    message = "no such file: name one, or create it with `jmxbridge init`"
    assert result.stderr == f"{missing}: error: {message}\n"
    assert result.stdout == ""
