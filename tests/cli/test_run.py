"""`jmxbridge run`: what it reads before it runs, and reads again."""

from pathlib import Path

from tests.cli.calling import call


def test_every_problem_of_a_file_is_said_at_once(tmp_path: Path) -> None:
    """An unknown key and a bad ObjectName: two complaints with their places, one run."""
    bad = tmp_path / "bad.yaml"
    bad.write_text(
        "intervall: 10s\n"
        "mbeans:\n"
        "  jvm:\n"
        "    - {bean: java.lang, measurement: jvm, fields: {Uptime: uptime_ms}}\n"
    )
    result = call("run", str(bad))
    assert result.exit_code == 78
    assert f'{bad}:1:1: error: intervall: unknown key (did you mean "interval"?)' in result.stderr
    assert f"{bad}:4:" in result.stderr
