"""Included files: more targets and sets of rules.

`include: [targets/*.yaml, rules.yaml]`: paths are relative to the folder of the file, and a pattern
may match nothing. An included file has `targets:` and `mbeans:` and nothing else. It is checked
with the rest as if it stood in the file, and its problems name its own lines.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from jmxbridge.config.model.model_reader import ModelReader
from jmxbridge.config.text import tree, yaml_parser
from jmxbridge.config.text.problem import InvalidValue
from jmxbridge.config.text.source import Source

KEY = "include"
SECTIONS = ("targets", "mbeans")
# One file per team or per set: more than these is a folder named by mistake.
MAX_FILES = 200

ReadIncluded = Callable[[Path], Sequence[tuple[Path, str]]]
"""Reads the files that a path or a pattern names, sorted by name; raises InvalidValue."""


def include(
    reader: ModelReader, root: tree.Mapping, path: Path, read: ReadIncluded
) -> tree.Mapping:
    """Return the root with the targets and sets of the files it includes.

    Problems go to the reader. The included parts come after the file's own.
    """
    entry = root.get(KEY)
    if entry is None:
        return root
    files = list(_included(reader, entry.value, path, read))
    targets = [target for file in files for target in _targets(reader, file)]
    sets = [rule_set for file in files for rule_set in _sets(reader, file)]
    root = replace(root, entries=tuple(other for other in root.entries if other is not entry))
    root = _with_targets(root, entry.key, targets)
    return _with_sets(reader, root, entry.key, sets)


def _targets(reader: ModelReader, root: tree.Mapping) -> tuple[tree.Node, ...]:
    value = tree.value_at(root, "targets")
    if isinstance(value, tree.Sequence):
        return value.items
    if value is not None:
        reader.add(value, ("targets",), "wants a list (lines that begin with -)")
    return ()


def _sets(reader: ModelReader, root: tree.Mapping) -> tuple[tree.Entry, ...]:
    value = tree.value_at(root, "mbeans")
    if isinstance(value, tree.Mapping):
        return value.entries
    if value is not None:
        reader.add(value, ("mbeans",), "wants sets of rules (name: list of rules)")
    return ()


def _with_targets(
    root: tree.Mapping, include_key: tree.Scalar, targets: Sequence[tree.Node]
) -> tree.Mapping:
    own = tree.value_at(root, "targets")
    if not targets or not (own is None or isinstance(own, tree.Sequence)):
        return root
    own_targets = own.items if own else ()
    value = tree.Sequence(include_key.span, (*own_targets, *targets))
    return _with_section(root, include_key, "targets", value)


def _with_sets(
    reader: ModelReader, root: tree.Mapping, include_key: tree.Scalar, sets: Sequence[tree.Entry]
) -> tree.Mapping:
    own = tree.value_at(root, "mbeans")
    if not sets or not (own is None or isinstance(own, tree.Mapping)):
        return root
    by_name = {entry.key.text: entry for entry in (own.entries if own else ())}
    for entry in sets:
        name = entry.key.text
        first = by_name.setdefault(name, entry)
        if first is not entry:
            place = first.key.span.seen_from(entry.key.span)
            message = f"this set is already in {place}: a set is in one file"
            reader.add(entry.key, ("mbeans", name), message)
    value = tree.Mapping(include_key.span, tuple(by_name.values()))
    return _with_section(root, include_key, "mbeans", value)


def _with_section(
    root: tree.Mapping, include_key: tree.Scalar, name: str, value: tree.Node
) -> tree.Mapping:
    """Replace a section; one that the file lacks stands where `include` does."""
    own = root.get(name)
    section = tree.Entry(own.key if own else replace(include_key, text=name), value)
    others = [entry for entry in root.entries if entry is not own]
    return replace(root, entries=(*others, section))


def _included(
    reader: ModelReader, node: tree.Node, path: Path, read: ReadIncluded
) -> Iterator[tree.Mapping]:
    """Yield the roots of the included files, each file once; problems go to the reader."""
    seen = {path}
    for index, pattern in enumerate(_patterns(reader, node)):
        key_path = (KEY, index) if isinstance(node, tree.Sequence) else (KEY,)
        try:
            text = reader.text(pattern)
            if not text:
                message = "wants the path of a file, or a pattern such as targets/*.yaml"
                raise InvalidValue(message)
            files = read(path.parent / text)
            if len(seen) + len(files) > MAX_FILES:
                raise InvalidValue(f"these are more than {MAX_FILES} files")
        except InvalidValue as error:
            reader.add(pattern, key_path, error.message, position=error.position)
            continue
        for file, content in files:
            if file not in seen:
                seen.add(file)
                yield from _root(reader, str(file), content)


def _patterns(reader: ModelReader, node: tree.Node) -> tuple[tree.Node, ...]:
    if isinstance(node, tree.Mapping):
        reader.add(node, (KEY,), "wants a list of files")
        return ()
    return node.items if isinstance(node, tree.Sequence) else (node,)


def _root(reader: ModelReader, name: str, text: str) -> Iterator[tree.Mapping]:
    """Yield the root of an included file, unless the file is empty or not usable."""
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
            message = f"an included file may have {' and '.join(SECTIONS)} only"
            reader.add(entry.key, (entry.key.text,), message)
    yield root
