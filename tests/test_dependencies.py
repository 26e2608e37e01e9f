"""Every distribution that code imports is declared in pyproject.toml, and no other one.

A distribution that only comes by way of another one may leave with its next release.
"""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

from demo.cache import LAG_LIBRARIES

ROOT = Path(__file__).parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OURS = {"jmxbridge", "tests", "demo", "bench"}

# Imports of distributions that need not be installed: what may be missing has no metadata to ask.
OPTIONAL = {
    "aiokafka": "aiokafka",
    "aws_msk_iam_sasl_signer": "aws-msk-iam-sasl-signer-python",
    "confluent_kafka": "confluent-kafka",
    "gssapi": "gssapi",
    "kafka": "kafka-python",
}
# Declared to be run, not imported, and by what.
RUN = {
    "mypy": "make check",
    "pytest-asyncio": "pytest's asyncio_mode",
    "pytest-cov": "make coverage",
    "pytest-xdist": "make unit",
    "ruff": "make check",
    "types-pyyaml": "mypy",
}


def normal(name: str) -> str:
    """Return a distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def names(requirements: list[str]) -> set[str]:
    """Return the distributions that requirements name; those of an extra of ours for its name."""
    found: set[str] = set()
    for requirement in requirements:
        if extras := re.match(r"jmxbridge\[(.*)\]$", requirement):
            for extra in extras[1].split(","):
                found |= names(PROJECT["optional-dependencies"][extra])
        else:
            name = re.match(r"[\w.-]+", requirement)
            assert name is not None, requirement
            found.add(normal(name[0]))
    return found


DEPENDENCIES = names(PROJECT["dependencies"])
EXTRAS = {name: names(listed) for name, listed in PROJECT["optional-dependencies"].items()}
# What each folder may import. `make demo` installs no extra; bench/ runs where the tests do, and
# installs the libraries it compares by itself.
DECLARED = {
    "jmxbridge": DEPENDENCIES | EXTRAS["gssapi"] | EXTRAS["msk"] | EXTRAS["pkcs12"],
    "tests": DEPENDENCIES | EXTRAS["test"],
    "demo": DEPENDENCIES,
    "bench": DEPENDENCIES | EXTRAS["test"] | names(list(LAG_LIBRARIES)),
}


@cache
def modules(folder: str) -> tuple[tuple[str, str], ...]:
    """Return where a folder imports something, and the module: by statement or import_module()."""
    return tuple(_modules(folder))


def _modules(folder: str) -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Import(names=aliases):
                    found = [alias.name for alias in aliases]
                case ast.ImportFrom(module=str(module)):
                    found = [module]
                case ast.Call(
                    func=ast.Attribute(attr="import_module"), args=[ast.Constant(value=str(module))]
                ):
                    found = [module]
                case _:
                    continue
            for name in found:
                yield f"{path.relative_to(ROOT)}:{node.lineno}", name


def imported(folder: str) -> dict[str, str]:
    """Return the distributions that a folder imports, each with one place that does."""
    installed = packages_distributions()
    places: dict[str, str] = {}
    for place, module in modules(folder):
        top = module.split(".")[0]
        if top not in OURS and top not in sys.stdlib_module_names:
            distribution = OPTIONAL.get(top) or installed[top][0]
            places.setdefault(normal(distribution), place)
    return places


@pytest.mark.parametrize("folder", DECLARED)
def test_imported_distributions_are_declared(folder: str) -> None:
    """A folder imports what the dependencies or its extra name, by itself."""
    undeclared = {
        name: place for name, place in imported(folder).items() if name not in DECLARED[folder]
    }
    assert not undeclared


def test_declared_distributions_are_used() -> None:
    """Each dependency is imported by the package; each of the test extra by tests, or is run."""
    used = set(imported("jmxbridge"))
    assert used == DECLARED["jmxbridge"]
    assert not EXTRAS["test"] - used - set(imported("tests")) - set(RUN)


def test_distributions_that_are_run_are_declared() -> None:
    """The exceptions name what exists."""
    assert set(RUN) <= EXTRAS["test"]
    imports = {module.split(".")[0] for folder in DECLARED for _, module in modules(folder)}
    assert set(OPTIONAL) <= imports
