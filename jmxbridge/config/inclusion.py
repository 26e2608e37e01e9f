"""Targets and sets of rules that stand in files of their own.

`include: [targets/*.yaml, rules.yaml]`: paths are taken from the folder of the file, patterns may
match nothing. What is included has `targets:` and `mbeans:` and nothing else; it is checked with
the rest as if it stood in the file, and what is wrong with it is said of its own lines.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from jmxbridge.config.model.model_reader import SectionReader
from jmxbridge.config.text import tree, yaml_parser
from jmxbridge.config.text.malformed import Malformed
from jmxbridge.config.text.source import Source

KEY = "include"
SECTIONS = ("targets", "mbeans")
# A file a team, or one a set: more than these is a folder taken by mistake.
MAX_FILES = 200

ReadIncluded = Callable[[Path], Sequence[tuple[Path, str]]]
"""Reads the files that a path or a pattern names, in the order of their names; raises Malformed."""


@dataclass(frozen=True, slots=True)
class Included:
    """One file: its name as it is shown, and what is in it."""

    name: str
    root: tree.Mapping


def include(
    reader: SectionReader, root: tree.Mapping, path: Path, read: ReadIncluded
) -> tree.Mapping:
    """Return the root with what it includes added to it; problems go to the reader."""
    entry = root.get(KEY)
    if entry is None:
        return root
    files = list(_files(reader, entry.value, path, read))
    items = [item for each in files for item in _items(reader, each.root)]
    sets = [each for file in files for each in _sets(reader, file.root)]
    root = replace(root, entries=tuple(each for each in root.entries if each is not entry))
    return _with_sets(reader, _with_targets(root, entry, items), entry, sets)


def _items(reader: SectionReader, root: tree.Mapping) -> tuple[tree.Node, ...]:
    value = tree.value_at(root, "targets")
    if isinstance(value, tree.Sequence):
        return value.items
    if value is not None:
        reader.add(value, ("targets",), "wants a list (lines that begin with -)")
    return ()


def _sets(reader: SectionReader, root: tree.Mapping) -> tuple[tree.Entry, ...]:
    value = tree.value_at(root, "mbeans")
    if isinstance(value, tree.Mapping):
        return value.entries
    if value is not None:
        reader.add(value, ("mbeans",), "wants sets of rules (name: list of rules)")
    return ()


def _with_targets(root: tree.Mapping, at: tree.Entry, items: Sequence[tree.Node]) -> tree.Mapping:
    own = tree.value_at(root, "targets")
    if not items or not (own is None or isinstance(own, tree.Sequence)):
        return root
    every = (*(own.items if own else ()), *items)
    size = 1 + sum(item.size for item in every)
    height = 1 + max(item.height for item in every)
    return _put(root, at, "targets", tree.Sequence(at.key.span, every, size, height))


def _with_sets(
    reader: SectionReader, root: tree.Mapping, at: tree.Entry, sets: Sequence[tree.Entry]
) -> tree.Mapping:
    own = tree.value_at(root, "mbeans")
    if not sets or not (own is None or isinstance(own, tree.Mapping)):
        return root
    every = {entry.key.text: entry for entry in (own.entries if own else ())}
    for entry in sets:
        known = every.setdefault(entry.key.text, entry)
        if known is not entry:
            there = known.key.span.seen_from(entry.key.span)
            said = f"this set is already in {there}: a set is in one file"
            reader.add(entry.key, ("mbeans", entry.key.text), said)
    size = 1 + sum(entry.value.size for entry in every.values())
    height = 1 + max(entry.value.height for entry in every.values())
    return _put(root, at, "mbeans", tree.Mapping(at.key.span, tuple(every.values()), size, height))


def _put(root: tree.Mapping, at: tree.Entry, key: str, node: tree.Node) -> tree.Mapping:
    """Put a section in the place of its own one, or of the key that includes it."""
    known = root.get(key)
    made = tree.Entry(known.key if known else replace(at.key, text=key), node)
    rest = [entry for entry in root.entries if entry is not known]
    return replace(root, entries=(*rest, made))


def _files(
    reader: SectionReader, node: tree.Node, path: Path, read: ReadIncluded
) -> Iterator[Included]:
    """Yield what the patterns name, each file once; problems go to the reader."""
    seen = {path}
    for index, each in enumerate(_patterns(reader, node)):
        where = (KEY, index) if isinstance(node, tree.Sequence) else (KEY,)
        text = reader.text(each)
        try:
            if not text:
                raise Malformed("wants the path of a file, or a pattern such as targets/*.yaml")
            found = read(path.parent / text)
            if len(seen) + len(found) > MAX_FILES:
                raise Malformed(f"these are more than {MAX_FILES} files")
        except Malformed as error:
            reader.add(each, where, error.message)
            continue
        for file, content in found:
            if file not in seen:
                seen.add(file)
                yield from _read(reader, str(file), content)


def _patterns(reader: SectionReader, node: tree.Node) -> Iterator[tree.Node]:
    if isinstance(node, tree.Mapping):
        reader.add(node, (KEY,), "wants a list of files")
        return
    yield from node.items if isinstance(node, tree.Sequence) else (node,)


def _read(reader: SectionReader, name: str, text: str) -> Iterator[Included]:
    source = Source(name, text)
    reader.source.include(source)
    try:
        document = yaml_parser.compose(text, name)
    except yaml_parser.NotYaml as error:
        reader.problems.append(source.problem(error.fault.span, "", error.fault.message))
        return
    root = document.root
    if root is None:
        return
    source.hide_secrets(root)
    for fault in document.faults:
        reader.problems.append(reader.source.problem(fault.span, "", fault.message))
    if not isinstance(root, tree.Mapping):
        reader.add(root, (), f"wants keys ({', '.join(SECTIONS)}) with values")
        return
    for entry in root.entries:
        if entry.key.text not in SECTIONS:
            said = f"an included file has {' and '.join(SECTIONS)} alone"
            reader.add(entry.key, (entry.key.text,), said)
    yield Included(name, root)
