"""Included files: one configuration, and problems in the lines of their own files."""

from pathlib import Path

import pytest

from jmxbridge.config.inclusion import MAX_FILES
from jmxbridge.config.loader import load
from jmxbridge.config.model.models import Settings
from jmxbridge.config.text.problem import ConfigError

RULE = "- {bean: 'java.lang:type=Runtime', measurement: jvm, fields: {Uptime: uptime_ms}}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for files, with a file of targets in it."""
    (tmp_path / "teams").mkdir()
    (tmp_path / "teams/a.yaml").write_text(
        "targets: [{name: a, jmx: 'a:1', collect: [own], tls: {ca_file: ca.pem}}]\n"
    )
    return tmp_path


def settings(folder: Path, text: str, **environ: str) -> Settings:
    """Load a mbeans.yaml of that text in the folder."""
    (folder / "mbeans.yaml").write_text(text)
    return load(folder / "mbeans.yaml", environ)


def test_included_targets_and_sets_are_added(folder: Path) -> None:
    """The file's own come first, then those of files in the order of `include`, sorted by name."""
    (folder / "teams/b.yaml").write_text("targets: [{name: b, jmx: 'b:1', collect: [own]}]\n")
    (folder / "rules.yaml").write_text(f"mbeans: {{own: [{RULE[2:]}]}}\n")
    loaded = settings(
        folder,
        "include: [rules.yaml, teams/*.yaml]\n"
        "targets: [{name: first, jmx: 'f:1', collect: [own, jvm]}]\n",
    )

    assert [target.name for target in loaded.targets] == ["first", "a", "b"]
    assert [rule.measurement for rule in loaded.rules_for(loaded.targets[2])] == ["jvm"]
    (rule,) = loaded.mbeans["own"]
    assert rule.where == f"{folder / 'rules.yaml'}:1:16"


def test_included_folder_called_packs_holds_no_packs(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rule of an included file is the file's own, whatever its folder is called."""
    (folder / "packs").mkdir()
    (folder / "packs/own.yaml").write_text(f"mbeans: {{own: [{RULE[2:]}]}}\n")
    (folder / "mbeans.yaml").write_text(
        "include: packs/own.yaml\ntargets: [{name: a, jmx: 'a:1', collect: [own, jvm]}]\n"
    )
    monkeypatch.chdir(folder)
    loaded = load(Path("mbeans.yaml"), {})

    (rule,) = loaded.mbeans["own"]
    assert rule.where == "packs/own.yaml:1:16"
    assert not rule.ships
    assert all(packed.ships for packed in loaded.mbeans["jvm"])


def test_path_in_an_included_file_is_relative_to_its_folder(folder: Path) -> None:
    """A team's certificates are next to the team's file."""
    loaded = settings(folder, f"include: teams/a.yaml\nmbeans:\n  own:\n  {RULE}\n")

    (target,) = loaded.targets
    assert target.tls is not None
    assert target.tls.ca_file == folder / "teams/ca.pem"


def test_secret_of_an_included_file_is_relative_to_its_folder(folder: Path) -> None:
    """A team's password is next to the team's file."""
    (folder / "teams/pw").write_text("secret\n")
    (folder / "teams/a.yaml").write_text(
        "targets: [{name: a, jmx: 'a:1', collect: [jvm], username: u, password_file: ./pw}]\n"
    )
    (target,) = settings(folder, "include: [teams/a.yaml]\n").targets

    assert target.password is not None
    assert target.password.get_secret_value() == "secret"


def test_include_may_contain_a_variable(folder: Path) -> None:
    """One file serves several places, by the environment."""
    text = f"include: ['${{TEAM}}/*.yaml']\nmbeans:\n  own:\n  {RULE}\n"
    assert len(settings(folder, text, TEAM="teams").targets) == 1


def test_include_of_a_pattern_without_a_match_is_no_problem(folder: Path) -> None:
    """A folder may be filled later; a file that is named must exist."""
    text = "include: [later/*.yaml]\nkafka: {bootstrap: ['k:9092']}\n"
    assert settings(folder, text).targets == ()
    with pytest.raises(ConfigError, match=r"include\[0\]: .*later.yaml: no such file"):
        settings(folder, "include: [later.yaml]\nkafka: {bootstrap: ['k:9092']}\n")


def test_included_file_counts_once(folder: Path) -> None:
    """A file may match several entries, and the including file one: no target is there twice."""
    text = f"include: [teams/a.yaml, 'teams/*.yaml', '*.yaml']\nmbeans:\n  own:\n  {RULE}\n"
    assert [target.name for target in settings(folder, text).targets] == ["a"]


def test_number_of_included_files_is_bounded(folder: Path) -> None:
    """A folder named by mistake gives one error instead of one per file."""
    for number in range(MAX_FILES):
        (folder / f"teams/{number}.yaml").write_text("broken: [")
    with pytest.raises(ConfigError) as caught:
        settings(folder, "include: teams/*.yaml\n")
    assert f"these are more than {MAX_FILES} files" in str(caught.value)


def test_included_file_may_be_empty(folder: Path) -> None:
    """Comments alone, and keys over comments alone, add nothing."""
    (folder / "teams/a.yaml").write_text("# nothing yet\n")
    (folder / "teams/b.yaml").write_text("targets:\n#  - {name: b}\nmbeans:\n")
    text = "include: teams/*.yaml\nkafka: {bootstrap: ['k:9092']}\n"
    assert settings(folder, text).targets == ()


def test_warnings_name_the_included_file(folder: Path) -> None:
    """A secret in a team's file is reported at that file's line."""
    (folder / "teams/a.yaml").write_text(
        "targets:\n- {name: a, jmx: 'a:1', collect: [jvm], username: u, password: swordfish}\n"
    )
    (warning,) = settings(folder, "include: teams/a.yaml\n").warnings

    assert (warning.file, warning.line) == (str(folder / "teams/a.yaml"), 2)
    assert "swordfish" not in str(warning)


def problems(folder: Path, text: str) -> list[str]:
    """Return the problems of a file as `place: key path: message`, without the folder's name."""
    with pytest.raises(ConfigError) as caught:
        settings(folder, text)
    return [
        f"{problem.file}:{problem.line}: {problem.where}: {problem.message}".replace(
            f"{folder}/", ""
        )
        for problem in caught.value.problems
    ]


@pytest.mark.parametrize(
    ("include", "problem"),
    [
        ("{a: b}", "include: wants a list of files"),
        ("''", "include: wants the path of a file, or a pattern such as targets/*.yaml"),
        ("[[a]]", "include[0]: wants the path of a file, or a pattern such as targets/*.yaml"),
        (
            "a-${NOPE}",
            "include: environment variable NOPE is not set; set it, or write ${NOPE:-default}",
        ),
    ],
)
def test_include_takes_paths(include: str, problem: str, folder: Path) -> None:
    """One path or a list of paths, in which variables are set."""
    text = f"include: {include}\nkafka: {{bootstrap: 'k:1'}}\n"

    assert problems(folder, text) == [f"mbeans.yaml:1: {problem}"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("targets: [", ["1: : not YAML: the file ends inside [ ] or { }"]),
        ("[a]", ["1: : wants keys (targets, mbeans) with values"]),
        ("kafka: {}", ["1: kafka: an included file may have targets and mbeans only"]),
        ("targets: {a: b}", ["1: targets: wants a list (lines that begin with -)"]),
        ("mbeans: [a]", ["1: mbeans: wants sets of rules (name: list of rules)"]),
        ("targets: []\ntargets: []", ["2: : duplicate key: targets is already in line 1"]),
        (
            f"mbeans:\n  own:\n  {RULE}\n",
            [
                "2: mbeans.own: this set is already in line 4 of the file that includes this one:"
                " a set is in one file"
            ],
        ),
    ],
)
def test_included_file_with_a_mistake(content: str, expected: list[str], folder: Path) -> None:
    """The problem names the included file and its line."""
    (folder / "teams/a.yaml").write_text(content)
    text = f"include: teams/a.yaml\nkafka: {{bootstrap: 'k:1'}}\nmbeans:\n  own:\n  {RULE}\n"

    assert problems(folder, text) == [f"teams/a.yaml:{problem}" for problem in expected]


@pytest.mark.parametrize("section", ["targets: {a: b}", "mbeans: text"])
def test_include_does_not_replace_a_section_with_a_mistake(section: str, folder: Path) -> None:
    """The file's own section is reported, and nothing is added to it."""
    (folder / "teams/a.yaml").write_text(
        f"targets: [{{name: a, jmx: 'a:1', collect: [own]}}]\nmbeans: {{own: [{RULE[2:]}]}}\n"
    )
    reported = problems(folder, f"include: teams/a.yaml\n{section}\n")

    assert f"mbeans.yaml:2: {section.partition(':')[0]}" in [
        problem.rpartition(": wants")[0] for problem in reported
    ]
