"""A JDK is found where a machine keeps it, and known by what it says of itself."""

from pathlib import Path

import pytest

from demo.jdk import java_of


def jdk(home: Path, version: str) -> Path:
    """Make what a JDK has of its version and its program; the program."""
    program = home / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.touch(mode=0o755)
    (home / "release").write_text(f'IMPLEMENTOR="Acme"\nJAVA_VERSION="{version}"\n')
    return program


def test_jdks_next_to_the_default_one_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder of the default JDK has the others too; a link to it is followed."""
    old, new = jdk(tmp_path / "lib" / "a", "17.0.9"), jdk(tmp_path / "lib" / "b", "25")
    link = tmp_path / "bin" / "java"
    link.parent.mkdir()
    link.symlink_to(old)
    monkeypatch.setenv("PATH", str(link.parent))
    assert java_of(17) == old
    assert java_of(25) == new
    assert java_of(2) is None


def test_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that begins with JAVA_HOME names one; a folder that is none is passed over."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("JAVA_HOME_8_X64", str(tmp_path / "gone"))
    monkeypatch.setenv("JAVA_HOME_29_X64", str(tmp_path / "29"))
    assert java_of(29) is None
    assert jdk(tmp_path / "29", "29.0.1+7") == java_of(29)
