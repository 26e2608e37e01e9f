"""`jmxbridge config`: the effective settings and the schema; their texts are golden files."""

import json
from pathlib import Path

from tests.cli.calling import call

SHIPPED = Path(__file__).parents[2] / "mbeans.yaml"


def test_config_show_prints_a_file_with_the_same_settings(tmp_path: Path) -> None:
    """The output, saved as a file, is valid and shows the same values."""
    first = call("config", "show", str(SHIPPED))
    copy = tmp_path / "mbeans.yaml"
    copy.write_text(first.stdout)
    second = call("config", "show", str(copy))

    def values(text: str) -> list[str]:
        lines = (line.split(" # ")[0].rstrip() for line in text.splitlines())
        return [line for line in lines if line and not line.lstrip().startswith("#")]

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert values(second.stdout) == values(first.stdout)


def test_config_show_of_an_invalid_file_is_a_configuration_error(tmp_path: Path) -> None:
    """Status 78, the place of the error on stderr, and nothing on stdout."""
    file = tmp_path / "mbeans.yaml"
    file.write_text("intervall: 10s\n")
    result = call("config", "show", str(file))

    assert (result.exit_code, result.stdout) == (78, "")
    assert f"{file}:1:1: error: intervall: unknown key" in result.stderr


def test_config_schema_prints_the_schema_of_the_package() -> None:
    """The same schema is installed next to the package, for editors."""
    result = call("config", "schema")
    installed = Path(__file__).parents[2] / "jmxbridge" / "mbeans.schema.json"

    assert result.exit_code == 0
    assert json.loads(result.stdout) == json.loads(installed.read_text())
