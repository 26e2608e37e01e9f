"""Sets of rules: the file's own, and packs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from jmxbridge.config.checks.target import LocatedTarget
from jmxbridge.config.model.model_reader import ModelReader
from jmxbridge.config.model.models import Settings
from jmxbridge.config.rule_sets import read_pack, read_packs, read_rules, set_names, to_sets
from jmxbridge.config.text.problem import ConfigError
from jmxbridge.config.text.source import Source
from jmxbridge.config.text.tree import Mapping, Node
from jmxbridge.config.text.yaml_parser import compose

MakeSettings = Callable[..., Settings]

RULE = "{bean: 'a:type=T', measurement: m, fields: {X: x}}"
PACKS = {
    "p": lambda: f"[{RULE}]",
    "q": lambda: f"[{RULE.replace('measurement: m', 'measurement: q')}]",
}


def parsed(text: str) -> tuple[ModelReader, Node | None]:
    """Return a reader of a text, and its root."""
    return ModelReader(Source("f.yaml", text), {}), compose(text).root


@pytest.mark.parametrize(
    ("text", "names"), [("", []), ("{a: [], b: text}", ["a", "b"]), ("[a]", None)]
)
def test_set_names(text: str, names: list[str] | None) -> None:
    """Every set counts, valid or not; a node that is no mapping has none that are known."""
    _, mbeans = parsed(text)

    assert set_names(mbeans) == names


def test_read_rules_yields_the_valid_ones() -> None:
    """A wrong rule is reported, and the others of its set are read."""
    reader, mbeans = parsed(f"a:\n- {RULE}\n- {{bean: x}}\n- text\nb:\n- {RULE}\n")

    rules = list(read_rules(reader, mbeans))

    assert [(rule.set_name, rule.path, rule.line) for rule in rules] == [
        ("a", ("mbeans", "a", 0), 2),
        ("b", ("mbeans", "b", 0), 6),
    ]
    assert {problem.where for problem in reader.problems} >= {"mbeans.a[1]", "mbeans.a[2]"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[a]", "mbeans: wants sets of rules (name: list of rules)"),
        ("a: []", "mbeans.a: has no rules"),
        (f"a: {RULE}", "mbeans.a: wants a list (lines that begin with -)"),
    ],
)
def test_read_rules_reports_what_is_no_set(text: str, problem: str) -> None:
    """A set is a list of at least one rule."""
    reader, mbeans = parsed(text)

    assert list(read_rules(reader, mbeans)) == []
    assert [f"{problem.where}: {problem.message}" for problem in reader.problems] == [problem]


def test_read_rules_of_a_file_without_any() -> None:
    """No `mbeans` means no rules, and no problem."""
    reader, _ = parsed("")

    assert list(read_rules(reader, None)) == []
    assert reader.problems == []


@pytest.mark.parametrize(
    ("collect", "own", "measurements"),
    [
        ("[p, q]", [], ["m", "q"]),
        ("q", [], ["q"]),
        ("[p, q]", ["q"], ["m"]),
        ("[p, q]", None, []),
        ("[other]", [], []),
    ],
)
def test_read_packs_yields_collected_ones(
    collect: str, own: list[str] | None, measurements: list[str]
) -> None:
    """A set of the file replaces a pack of its name; without known sets no pack is read."""
    reader, node = parsed(f"collect: {collect}")
    assert isinstance(node, Mapping)
    target = LocatedTarget(node, ("targets", 0))

    rules = read_packs(reader, PACKS, [target, target], own)

    assert [rule.entry.measurement for rule in rules] == measurements


def test_read_pack_knows_its_file() -> None:
    """A rule of a pack is found by the pack's name and the line."""
    (rule,) = read_pack("p", f"\n- {RULE}\n", {})

    assert rule.to_rule(Path("ignored")).where == "packs/p.yaml:2:3"
    assert rule.to_rule(Path("ignored")).ships


@pytest.mark.parametrize(
    ("text", "message"),
    [("- {bean: x}", '"measurement" is missing'), ("- text", "wants a mapping")],
)
def test_read_pack_raises_its_problems(text: str, message: str) -> None:
    """A pack that is wrong is an error of the package, with its place."""
    with pytest.raises(ConfigError, match=message):
        list(read_pack("p", text, {}))


def test_to_sets_keeps_sets_without_rules() -> None:
    """A set whose rules are all wrong exists; rules keep their order."""
    rules = list(read_pack("p", f"[{RULE}, {RULE.replace(': m,', ': n,')}]", {}))

    sets = to_sets(rules, ["empty"], Path("f.yaml"))

    assert {name: [rule.measurement for rule in made] for name, made in sets.items()} == {
        "empty": [],
        "p": ["m", "n"],
    }


def test_set_of_the_file_replaces_a_pack(settings: MakeSettings) -> None:
    """The target collects the file's rules."""
    text = f"targets: [{{name: t, jmx: 'h:1', collect: [q]}}]\nmbeans: {{q: [{RULE}]}}\n"

    made = settings(text, packs=PACKS)

    assert [rule.measurement for rule in made.rules_for(made.targets[0])] == ["m"]
