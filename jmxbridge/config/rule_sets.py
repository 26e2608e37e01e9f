"""Sets of rules: those under `mbeans:`, and the packs that targets collect."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from jmxbridge.config.checks.rules import LocatedRule, check_rule
from jmxbridge.config.checks.target import LocatedTarget
from jmxbridge.config.model.model_reader import ModelReader
from jmxbridge.config.model.rule_entry import RuleEntry
from jmxbridge.config.text import tree, yaml_parser
from jmxbridge.config.text.problem import ConfigError
from jmxbridge.config.text.source import Source
from jmxbridge.mbeans.rule import Rule

Packs = Mapping[str, Callable[[], str]]
"""Sets of rules that ship with the package: name → a function that reads the text."""


def set_names(mbeans: tree.Node | None) -> list[str] | None:
    """Return the names of the file's sets, valid or not; None where `mbeans` holds no sets."""
    if mbeans is None:
        return []
    if not isinstance(mbeans, tree.Mapping):
        return None
    return [entry.key.text for entry in mbeans.entries]


def read_rules(reader: ModelReader, mbeans: tree.Node | None) -> Iterator[LocatedRule]:
    """Yield the rules of the file's own sets, as far as they are valid."""
    if mbeans is not None and not isinstance(mbeans, tree.Mapping):
        reader.add(mbeans, ("mbeans",), "wants sets of rules (name: list of rules)")
        return
    for rule_set in mbeans.entries if mbeans else ():
        name = rule_set.key.text
        path = ("mbeans", name)
        if isinstance(rule_set.value, tree.Sequence) and not rule_set.value.items:
            reader.add(rule_set.key, path, "has no rules")
        for index, node in enumerate(reader.items(rule_set.value, path)):
            entry = reader.read_partly(RuleEntry, node, (*path, index))
            if entry is not None and isinstance(node, tree.Mapping):
                yield LocatedRule(name, entry, node, (*path, index))


def read_packs(
    reader: ModelReader,
    packs: Packs,
    targets: Iterable[LocatedTarget],
    own: Sequence[str] | None,
) -> Iterator[LocatedRule]:
    """Yield the rules of every pack that a target collects, unless the file has such a set."""
    collected = {name for target in targets for _, name in target.texts(reader, "collect")}
    for name in sorted(collected & packs.keys()):
        if own is not None and name not in own:
            yield from read_pack(name, packs[name](), reader.environ)


def read_pack(name: str, text: str, environ: Mapping[str, str]) -> Iterator[LocatedRule]:
    """Yield the rules of a pack's text, which is a list of rules; raises ConfigError."""
    file = f"packs/{name}.yaml"
    source = Source(file, text)
    root = yaml_parser.compose(text).root
    assert isinstance(root, tree.Sequence)  # noqa: S101  ours, and tested
    source.hide_secrets(root)
    reader = ModelReader(source, environ)
    for index, node in enumerate(root.items):
        entry = reader.read(RuleEntry, node, (index,))
        if entry is not None and isinstance(node, tree.Mapping):
            rule = LocatedRule(name, entry, node, (index,), file)
            check_rule(reader, rule, None)
            yield rule
    if reader.problems:
        raise ConfigError(reader.problems)


def to_sets(
    rules: Iterable[LocatedRule], names: Iterable[str], path: Path
) -> dict[str, tuple[Rule, ...]]:
    """Return the rules by set; a set of `names` without rules is empty."""
    sets: dict[str, tuple[Rule, ...]] = {name: () for name in names}
    for rule in rules:
        sets[rule.set_name] = (*sets.get(rule.set_name, ()), rule.to_rule(path))
    return sets
