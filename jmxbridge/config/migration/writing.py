"""Writer of a draft as a mbeans.yaml that passes `check`.

Rule: the checker decides. A part that it refuses is taken out and listed with the checker's
message, and the rest is checked again.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import yaml

from jmxbridge.config.migration.draft import Draft, DraftRule, DraftSection, DraftTarget, Leftover
from jmxbridge.config.settings_builder import build
from jmxbridge.config.text.problem import ConfigError

# The width of mbeans.yaml and of the packs.
WIDTH = 100
# A file may have no longer line, so PyYAML's emitter folds none.
MAX_LINE = 2**20
# Stands for every variable that the file names: only the form of the file is checked here.
ANY_VALUE = "x"
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)")


Part: TypeAlias = DraftSection | DraftTarget | DraftRule


@dataclass(frozen=True, slots=True)
class Migrated:
    """The new file, and the parts of the old one that are not in it."""

    text: str
    leftovers: tuple[Leftover, ...]


class NothingMigrated(Exception):
    """No rule of the old file has a counterpart; `leftovers` tells why, in its order."""

    def __init__(self, leftovers: Sequence[Leftover]) -> None:
        super().__init__(leftovers)
        self.leftovers = tuple(sorted(leftovers, key=_place))


def finish(draft: Draft, *, source: str) -> Migrated:
    """Return the new file of a draft; `source` names the old one. Raises NothingMigrated."""
    sets = list(dict.fromkeys(rule.set_name for rule in draft.rules))
    rules = sorted(draft.rules, key=lambda rule: sets.index(rule.set_name))
    leftovers = list(draft.leftovers)
    parts: list[Part] = [*draft.sections, *draft.targets, *rules]
    while True:
        idle = _idle(parts)
        leftovers += [Leftover(part.line, reason) for part, reason in idle]
        parts = _without(parts, [part for part, _ in idle])
        if not any(isinstance(part, DraftRule) for part in parts):
            raise NothingMigrated(leftovers)
        text, first_lines = _write(parts, source)
        refused = _refused(text, first_lines)
        if not refused:
            leftovers.sort(key=_place)
            return Migrated(_with_leftovers(text, leftovers, source), tuple(leftovers))
        leftovers += [
            Leftover(part.line, f"not carried over: {message}") for part, message in refused
        ]
        parts = _without(parts, [part for part, _ in refused])


def _without(parts: Sequence[Part], removed: Sequence[Part]) -> list[Part]:
    """Return the parts that are not removed, by identity: equal ones are from two lines."""
    identities = {id(part) for part in removed}
    return [part for part in parts if id(part) not in identities]


def _idle(parts: Sequence[Part]) -> list[tuple[Part, str]]:
    """Return targets that have nothing to collect, and rules that no target collects."""
    targets = [part for part in parts if isinstance(part, DraftTarget)]
    rules = [part for part in parts if isinstance(part, DraftRule)]
    collected = {target.set_name for target in targets}
    sets = {rule.set_name for rule in rules}
    return [
        *((rule, "no address to read it from") for rule in rules if rule.set_name not in collected),
        *((target, "nothing is read from it") for target in targets if target.set_name not in sets),
    ]


def _place(leftover: Leftover) -> tuple[int, str]:
    return leftover.line, leftover.reason


def _refused(text: str, first_lines: Sequence[tuple[int, Part]]) -> list[tuple[Part, str]]:
    """Return the parts that the checker refuses, each with its first message."""
    environ = dict.fromkeys(_VARIABLE.findall(text), ANY_VALUE)
    try:
        build(text, path=Path("mbeans.yaml"), environ=environ)
    except ConfigError as error:
        messages: dict[int, str] = {}
        for problem in error.problems:
            index = sum(1 for line, _ in first_lines if line <= problem.line) - 1
            messages.setdefault(max(index, 0), problem.message)
        return [(first_lines[index][1], message) for index, message in messages.items()]
    return []


def _write(parts: Sequence[Part], source: str) -> tuple[str, list[tuple[int, Part]]]:
    """Return the text, and the line at which each part begins."""
    lines = [f"# Made from {source} by `jmxbridge init`; `jmxbridge check --connect` tests it.", ""]
    lines.append("cluster: local")
    first_lines: list[tuple[int, Part]] = []
    section = set_name = ""
    for part in parts:
        if isinstance(part, DraftSection):
            written = [f"{part.key}: {_flow(part.value)}"]
        elif isinstance(part, DraftTarget):
            lines += [] if section == "targets" else ["", "targets:"]
            section = "targets"
            written = [f"  - {_flow({**part.entry, 'collect': [part.set_name]})}"]
        else:
            lines += [] if section == "mbeans" else ["", "mbeans:"]
            section = "mbeans"
            lines += [] if part.set_name == set_name else [f"  {_flow(part.set_name)}:"]
            set_name = part.set_name
            written = [f"    # line {part.line}", *_entry(part.entry)]
        first_lines.append((len(lines) + 1, part))
        lines += written
    return "\n".join(lines) + "\n", first_lines


def _entry(entry: Mapping[str, object]) -> list[str]:
    """Return the lines of a rule: one per key, and one per field where the fields are too long."""
    lines = []
    for key, value in entry.items():
        line = f"      {key}: {_flow(value)}"
        if len(line) <= WIDTH or not isinstance(value, Mapping):
            lines.append(line)
            continue
        lines.append(f"      {key}:")
        lines += [f"        {_flow(name)}: {_flow(item)}" for name, item in value.items()]
    return [f"    - {lines[0].lstrip()}", *lines[1:]]


def _flow(value: object) -> str:
    """Return a value as YAML in one line."""
    text: str = yaml.safe_dump(
        value, sort_keys=False, allow_unicode=True, width=MAX_LINE, default_flow_style=True
    )
    return text.removesuffix("...\n").rstrip("\n")


def _with_leftovers(text: str, leftovers: Collection[Leftover], source: str) -> str:
    if not leftovers:
        return text
    comments = [f"# {source}:{leftover}" for leftover in leftovers]
    return text + "\n".join(["", "# Not carried over:", *comments]) + "\n"
