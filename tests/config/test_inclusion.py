"""Files that a file includes: one configuration, each mistake in its own file's lines."""

from pathlib import Path

import pytest

from jmxbridge.config.inclusion import MAX_FILES
from jmxbridge.config.loader import load
from jmxbridge.config.model.models import Settings
from jmxbridge.config.text.problem import ConfigError

RULE = "- {bean: 'java.lang:type=Runtime', measurement: jvm, fields: {Uptime: uptime_ms}}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for files, with one of targets in it."""
    (tmp_path / "teams").mkdir()
    (tmp_path / "teams/a.yaml").write_text(
        "targets: [{name: a, jmx: 'a:1', collect: [own], tls: {ca_file: ca.pem}}]\n"
    )
    return tmp_path


def settings(folder: Path, text: str, **environ: str) -> Settings:
    """Load a mbeans.yaml of that text in the folder."""
    (folder / "mbeans.yaml").write_text(text)
    return load(folder / "mbeans.yaml", environ)


def test_targets_and_sets_of_all_files_are_one_configuration(folder: Path) -> None:
    """Its own first, then those of the files in the order they are named, and sorted by name."""
    (folder / "teams/b.yaml").write_text("targets: [{name: b, jmx: 'b:1', collect: [own]}]\n")
    (folder / "rules.yaml").write_text(f"mbeans: {{own: [{RULE[2:]}]}}\n")
    made = settings(
        folder,
        "include: [rules.yaml, teams/*.yaml]\n"
        "targets: [{name: first, jmx: 'f:1', collect: [own, jvm]}]\n",
    )

    assert [target.name for target in made.targets] == ["first", "a", "b"]
    assert [rule.measurement for rule in made.rules_for(made.targets[2])] == ["jvm"]
    (rule,) = made.mbeans["own"]
    assert rule.where == f"{folder / 'rules.yaml'}:1:16"


def test_a_folder_called_packs_does_not_make_rules_ours(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is looked at for slips is the file's own, wherever it lies."""
    (folder / "packs").mkdir()
    (folder / "packs/own.yaml").write_text(f"mbeans: {{own: [{RULE[2:]}]}}\n")
    (folder / "mbeans.yaml").write_text(
        "include: packs/own.yaml\ntargets: [{name: a, jmx: 'a:1', collect: [own, jvm]}]\n"
    )
    monkeypatch.chdir(folder)
    made = load(Path("mbeans.yaml"), {})

    (rule,) = made.mbeans["own"]
    assert rule.where == "packs/own.yaml:1:16"
    assert not rule.ships
    assert all(each.ships for each in made.mbeans["jvm"])


def test_a_path_in_an_included_file_is_from_its_own_folder(folder: Path) -> None:
    """A team's certificates lie beside the team's file."""
    made = settings(folder, f"include: teams/a.yaml\nmbeans:\n  own:\n  {RULE}\n")

    (target,) = made.targets
    assert target.tls is not None
    assert target.tls.ca_file == folder / "teams/ca.pem"


def test_a_secrets_file_is_from_there_too(folder: Path) -> None:
    """So is a password's file."""
    (folder / "teams/pw").write_text("secret\n")
    (folder / "teams/a.yaml").write_text(
        "targets: [{name: a, jmx: 'a:1', collect: [jvm], username: u, password_file: ./pw}]\n"
    )
    (target,) = settings(folder, "include: [teams/a.yaml]\n").targets

    assert target.password is not None
    assert target.password.get_secret_value() == "secret"


def test_a_variable_may_choose_the_files(folder: Path) -> None:
    """One file for every place, by what the environment says."""
    text = f"include: ['${{TEAM}}/*.yaml']\nmbeans:\n  own:\n  {RULE}\n"
    assert len(settings(folder, text, TEAM="teams").targets) == 1


def test_a_pattern_that_matches_nothing_is_fine(folder: Path) -> None:
    """A folder that is filled later is no mistake; a file that is named is there."""
    text = "include: [later/*.yaml]\nkafka: {bootstrap: ['k:9092']}\n"
    assert settings(folder, text).targets == ()
    with pytest.raises(ConfigError, match=r"include\[0\]: .*later.yaml: no such file"):
        settings(folder, "include: [later.yaml]\nkafka: {bootstrap: ['k:9092']}\n")


def test_a_file_named_twice_counts_once(folder: Path) -> None:
    """By its name and by a pattern, and the file itself: no target is there twice."""
    text = f"include: [teams/a.yaml, 'teams/*.yaml', '*.yaml']\nmbeans:\n  own:\n  {RULE}\n"
    assert [target.name for target in settings(folder, text).targets] == ["a"]


def test_the_number_of_files_is_bounded(folder: Path) -> None:
    """A folder taken by mistake is said to be one before all of it is reported."""
    for number in range(MAX_FILES):
        (folder / f"teams/{number}.yaml").write_text("broken: [")
    with pytest.raises(ConfigError) as caught:
        settings(folder, "include: teams/*.yaml\n")
    assert f"these are more than {MAX_FILES} files" in str(caught.value)


def test_an_included_file_that_is_empty_adds_nothing(folder: Path) -> None:
    """Comments alone, and keys over comments alone, are fine."""
    (folder / "teams/a.yaml").write_text("# nothing yet\n")
    (folder / "teams/b.yaml").write_text("targets:\n#  - {name: b}\nmbeans:\n")
    text = "include: teams/*.yaml\nkafka: {bootstrap: ['k:9092']}\n"
    assert settings(folder, text).targets == ()


def test_warnings_name_the_included_file(folder: Path) -> None:
    """A secret in a team's file is in that team's line."""
    (folder / "teams/a.yaml").write_text(
        "targets:\n- {name: a, jmx: 'a:1', collect: [jvm], username: u, password: swordfish}\n"
    )
    (warning,) = settings(folder, "include: teams/a.yaml\n").warnings

    assert (warning.file, warning.line) == (str(folder / "teams/a.yaml"), 2)
    assert "swordfish" not in str(warning)
