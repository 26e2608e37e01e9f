"""Every module of the package has its tests in a file of its name, in the same folder of tests/.

Modules without code that runs are exempt: constants, types, dataclasses without methods, protocols.
Files of tests about more than one module have names of their own.

`python -m tests.test_mirror` prints the modules that lack one.
"""

import ast
import sys
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PACKAGE = TESTS.parent / "jmxbridge"

# Modules with code that need no file of tests: a package's list of names, and what starts it.
EXEMPT = {"__init__.py", "__main__.py"}


@cache
def missing() -> tuple[str, ...]:
    """Return the modules without a file of tests, as paths in the package."""
    paths = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))
    return tuple(
        path.as_posix()
        for path in paths
        if path.name not in EXEMPT
        and not (TESTS / path).with_name(f"test_{path.name}").exists()
        and runs(PACKAGE / path)
    )


def runs(path: Path) -> bool:
    """Tell whether a module has a function with more than a docstring and `...` in it."""
    return any(
        not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Constant)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for statement in node.body
    )


def rooms() -> list[str]:
    """Return the rooms of the package."""
    paths = (path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))
    return sorted({path.parts[0].removesuffix(".py") for path in paths})


@pytest.mark.parametrize("room", rooms())
def test_modules_have_a_file_of_tests(room: str) -> None:
    """The tests of jmxbridge/ROOM/module.py are in tests/ROOM/test_module.py."""
    lacking = [path for path in missing() if path.removesuffix(".py").split("/")[0] == room]
    assert not lacking, "\n".join(lacking)


if __name__ == "__main__":
    sys.stdout.write("".join(f"jmxbridge/{path}\n" for path in missing()))
