"""A draft to a mbeans.yaml that passes `check`.

Rule: the checker has the last word. What it refuses is taken out, listed with what it said, and the
rest is checked again.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import yaml

from jmxbridge.config.migration.draft import Draft, DraftRule, DraftSection, DraftTarget, Left
from jmxbridge.config.settings_builder import build
from jmxbridge.config.text.problem import ConfigError, InvalidValue

# As wide as the house's own files.
WIDTH = 100
# No line of a file is longer than the file may be; the emitter breaks none that is shorter.
MAX_LINE = 2**20
# Stands for every variable that the file names: only its shape is checked here.
ANY_VALUE = "x"
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)")


Piece: TypeAlias = DraftSection | DraftTarget | DraftRule


@dataclass(frozen=True, slots=True)
class Migrated:
    """The new file, and what of the old one is not in it."""

    text: str
    left: tuple[Left, ...]


class NothingCarried(Exception):
    """No rule of the old file fits; `left` says why, line by line."""

    def __init__(self, left: Sequence[Left]) -> None:
        super().__init__(left)
        self.left = tuple(sorted(left, key=_place))


def finish(draft: Draft, *, source: str) -> Migrated:
    """Write the draft of a file called `source`; raises NothingCarried."""
    sets = list(dict.fromkeys(rule.set_name for rule in draft.rules))
    rules = sorted(draft.rules, key=lambda rule: sets.index(rule.set_name))
    left = list(draft.left)
    kept: list[Piece] = [*draft.sections, *draft.targets, *rules]
    while True:
        idle = _idle(kept)
        left += [Left(piece.line, why) for piece, why in idle]
        kept = _without(kept, [piece for piece, _ in idle])
        if not any(isinstance(piece, DraftRule) for piece in kept):
            raise NothingCarried(left)
        text, places = _write(kept, source)
        refused = _refused(text, places)
        if not refused:
            return Migrated(_with_left(text, left, source), tuple(sorted(left, key=_place)))
        left += [Left(piece.line, f"not carried over: {said}") for piece, said in refused]
        kept = _without(kept, [piece for piece, _ in refused])


def _without(pieces: Sequence[Piece], gone: Sequence[Piece]) -> list[Piece]:
    return [piece for piece in pieces if not any(piece is each for each in gone)]


def _idle(pieces: Sequence[Piece]) -> list[tuple[Piece, str]]:
    """Return targets that have nothing to collect, and rules that no target collects."""
    targets = [piece for piece in pieces if isinstance(piece, DraftTarget)]
    rules = [piece for piece in pieces if isinstance(piece, DraftRule)]
    wanted, there = {each.set_name for each in targets}, {each.set_name for each in rules}
    return [
        *((rule, "no address to read it from") for rule in rules if rule.set_name not in wanted),
        *((each, "nothing is read from it") for each in targets if each.set_name not in there),
    ]


def _place(left: Left) -> tuple[int, str]:
    return left.line, left.what


def _refused(text: str, places: Sequence[tuple[int, Piece]]) -> list[tuple[Piece, str]]:
    """Return the pieces that the checker refuses, each with the first thing it says of it."""

    def no_files(path: Path) -> str:
        raise InvalidValue("no secret is read here")

    environ = dict.fromkeys(_VARIABLE.findall(text), ANY_VALUE)
    try:
        build(text, path=Path("mbeans.yaml"), environ=environ, read_secret=no_files)
    except ConfigError as error:
        found: dict[int, str] = {}
        for problem in error.problems:
            at = sum(1 for first, _ in places if first <= problem.line) - 1
            found.setdefault(max(at, 0), problem.message)
        return [(places[at][1], said) for at, said in found.items()]
    return []


def _write(pieces: Sequence[Piece], source: str) -> tuple[str, list[tuple[int, Piece]]]:
    """Return the text, and at which line of it each piece begins."""
    lines = [f"# Made of {source} by `jmxbridge init`; `jmxbridge check --connect` tries it.", ""]
    lines.append("cluster: local")
    places: list[tuple[int, Piece]] = []
    title = last = ""
    for piece in pieces:
        if isinstance(piece, DraftSection):
            written = [f"{piece.key}: {_flow(piece.value)}"]
        elif isinstance(piece, DraftTarget):
            lines += [] if title == "targets" else ["", "targets:"]
            title = "targets"
            written = [f"  - {_flow({**piece.entry, 'collect': [piece.set_name]})}"]
        else:
            lines += [] if title == "mbeans" else ["", "mbeans:"]
            title = "mbeans"
            lines += [] if piece.set_name == last else [f"  {_flow(piece.set_name)}:"]
            last = piece.set_name
            written = [f"    # line {piece.line}", *_entry(piece.entry)]
        places.append((len(lines) + 1, piece))
        lines += written
    return "\n".join(lines) + "\n", places


def _entry(entry: Mapping[str, object]) -> list[str]:
    """Write a rule: what fits into a line on one, the fields else one a line."""
    lines = []
    for key, value in entry.items():
        line = f"      {key}: {_flow(value)}"
        if len(line) <= WIDTH or not isinstance(value, Mapping):
            lines.append(line)
            continue
        lines.append(f"      {key}:")
        lines += [f"        {_flow(name)}: {_flow(each)}" for name, each in value.items()]
    return [f"    - {lines[0].lstrip()}", *lines[1:]]


def _flow(value: object) -> str:
    """Write a value in one line."""
    text: str = yaml.safe_dump(
        value, sort_keys=False, allow_unicode=True, width=MAX_LINE, default_flow_style=True
    )
    return text.removesuffix("...\n").rstrip("\n")


def _with_left(text: str, left: Sequence[Left], source: str) -> str:
    if not left:
        return text
    listed = [f"# {source}:{each}" for each in sorted(left, key=_place)]
    return text + "\n".join(["", "# Not carried over:", *listed]) + "\n"
