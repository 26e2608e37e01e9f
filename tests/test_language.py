"""Rules of names and docstrings that a test can keep, for every module of the package.

`python -m tests.test_language [FOLDER]` prints the figures behind them, here or of another copy of
the package.
"""

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "jmxbridge"

# A docstring that begins with one of these circles around its subject instead of naming it.
CIRCLING = {
    *("How", "What", "Whatever", "When", "Where", "Wherever", "Whether", "Which"),
    *("Whichever", "Who", "Whoever", "Whom", "Whose", "Why"),
}
# Words that stand for anything: a loop variable has the noun of its collection.
NAMELESS = {"at", "each", "found", "said"}


@dataclass(frozen=True, slots=True)
class Module:
    """The parts of a module that have rules; offences as `path:line: name`."""

    path: Path
    docstring: str
    definitions: tuple[tuple[str, str], ...]  # names of classes and type aliases, and where
    nameless: tuple[str, ...]
    starred: tuple[str, ...]

    @property
    def room(self) -> str:
        """The first folder of its path, or its name where it is in none."""
        return self.path.parts[0].removesuffix(".py")

    @property
    def first_word(self) -> str:
        """The first word of its docstring."""
        return self.docstring.split(maxsplit=1)[0] if self.docstring else ""


def read(path: Path, package: Path) -> Module:
    """Parse one file of a package."""
    tree = ast.parse((package / path).read_text())
    nodes = list(ast.walk(tree))
    return Module(
        path,
        ast.get_docstring(tree) or "",
        tuple((name, f"{path}:{line}") for name, line in definitions(tree)),
        tuple(f"{path}:{line}: {name}" for name, line in bindings(nodes) if name in NAMELESS),
        tuple(
            f"{path}:{argument.lineno}: {ast.unparse(argument)}"
            for call in nodes
            if isinstance(call, ast.Call)
            for argument in call.args
            if isinstance(argument, ast.Starred)
            and isinstance(argument.value, (ast.List, ast.Tuple))
        ),
    )


def definitions(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield the classes of a module and its type aliases: `Name = ...` of more than a value."""
    for node in tree.body:
        match node:
            case ast.ClassDef(name=name):
                yield name, node.lineno
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Subscript() | ast.BinOp()) if (
                name.lstrip("_")[0].isupper() and not name.isupper()
            ):
                yield name, node.lineno


def bindings(nodes: list[ast.AST]) -> Iterator[tuple[str, int]]:
    """Yield every name of a value: assigned, looped over, a parameter, in a pattern, after `as`."""
    for node in nodes:
        match node:
            case (
                ast.Name(id=str(name), ctx=ast.Store(), lineno=line)
                | ast.arg(arg=str(name), lineno=line)
                | ast.MatchAs(name=str(name), lineno=line)
                | ast.MatchStar(name=str(name), lineno=line)
                | ast.ExceptHandler(name=str(name), lineno=line)
            ):
                yield name, line


@cache
def modules(package: Path = PACKAGE) -> tuple[Module, ...]:
    """Every module of a package."""
    paths = sorted(path.relative_to(package) for path in package.rglob("*.py"))
    return tuple(read(path, package) for path in paths)


def twice(package: Path = PACKAGE) -> dict[str, list[str]]:
    """Return the names of classes and type aliases that stand for more than one, and where."""
    places: dict[str, list[str]] = {}
    for module in modules(package):
        for name, place in module.definitions:
            places.setdefault(name, []).append(place)
    return {name: where for name, where in sorted(places.items()) if len(where) > 1}


ROOMS = sorted({module.room for module in modules()})


def of_room(room: str) -> list[Module]:
    """Return the modules of a room."""
    return [module for module in modules() if module.room == room]


@pytest.mark.parametrize("room", ROOMS)
def test_module_docstrings_name_their_subject(room: str) -> None:
    """The first word of a module's docstring is not a question word."""
    offences = [
        f"{module.path}: {module.docstring.splitlines()[0]}"
        for module in of_room(room)
        if module.first_word in CIRCLING
    ]
    assert not offences, "\n".join(offences)


@pytest.mark.parametrize("room", ROOMS)
def test_modules_have_docstrings(room: str) -> None:
    """Every module says what it is."""
    assert [module.path for module in of_room(room) if not module.docstring] == []


@pytest.mark.parametrize("room", ROOMS)
def test_variables_have_names(room: str) -> None:
    """No variable, parameter or field is called by a word that stands for anything."""
    offences = [offence for module in of_room(room) for offence in module.nameless]
    assert not offences, "\n".join(offences)


@pytest.mark.parametrize("room", ROOMS)
def test_calls_have_no_starred_literals(room: str) -> None:
    """Arguments are passed one by one, not as `*(a, b)`."""
    offences = [offence for module in of_room(room) for offence in module.starred]
    assert not offences, "\n".join(offences)


def test_classes_have_names_of_their_own() -> None:
    """A search for a class or type alias finds one thing."""
    assert twice() == {}


def figures(package: Path) -> str:
    """Return the figures of a package, for people."""
    every = modules(package)
    folders = Counter(module.path.parent.as_posix() for module in every)
    words = Counter(module.first_word for module in every)
    names = Counter(offence.rsplit(": ")[1] for module in every for offence in module.nameless)
    rooms = Counter(module.room for module in every for _ in module.nameless)
    circling = Counter(module.room for module in every if module.first_word in CIRCLING)
    starred = [offence for module in every for offence in module.starred]
    lines = [
        f"modules: {len(every)}, by folder: {_listed(folders)}",
        f"names of classes and type aliases that stand for more than one: {len(twice(package))}",
        *(f"  {name}: {', '.join(places)}" for name, places in twice(package).items()),
        f"variables {', '.join(sorted(NAMELESS))}: {names.total()} ({_listed(names)})",
        f"  by room: {_listed(rooms)}",
        f"module docstrings with a question word first: {circling.total()}, by room: "
        f"{_listed(circling)}",
        f"module docstrings by first word: {_listed(words)}",
        f"starred literals in calls: {len(starred)}",
        *(f"  {offence}" for offence in starred),
    ]
    return "\n".join(lines) + "\n"


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name or '(none)'} {count}" for name, count in counts.most_common())


if __name__ == "__main__":
    sys.stdout.write(figures(Path(sys.argv[1]).resolve() if sys.argv[1:] else PACKAGE))
