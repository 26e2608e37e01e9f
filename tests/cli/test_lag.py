"""`jmxbridge lag` where something is wrong with what it was given."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from jmxbridge.cli import app


def test_a_pattern_that_does_not_compile_is_shown_where_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """File, line and column, before anything is asked of Kafka."""
    monkeypatch.chdir(tmp_path)
    Path("mbeans.yaml").write_text(
        "kafka:\n  bootstrap: 127.0.0.1:1\n  groups: {deny: ['billing-(']}\n"
    )
    result = CliRunner().invoke(app, ["lag", "billing"])
    assert result.exit_code == 78
    assert "mbeans.yaml:3:28: error: kafka.groups.deny[0]: not a regular" in result.stderr
