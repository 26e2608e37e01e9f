"""The walls of the house: who may import whom, and what may not reach the world at all.

The tables below are the rule; a change of the house is a change here, on purpose. Every import
counts, wherever in a file it stands.
"""

import ast
import graphlib
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "jmxbridge"

# Each room of the package and the rooms it may know. Only `build`, `once`, `app` and `doctor` join
# the rooms of different sides; only `cli` may know them all.
ROOMS: dict[str, set[str]] = {
    "point": set(),
    "plural": set(),
    "times": set(),
    "jmx": set(),
    "pkcs12": {"jmx"},
    "store": set(),
    "service": set(),
    "kafka": {"jmx"},
    "lag": {"kafka", "plural", "point", "times"},
    "mbeans": {"jmx", "lag", "point", "times"},
    "config": {"jmx", "kafka", "lag", "mbeans"},
    "transports": {"jmx", "mbeans"},
    "pollers": {
        *("delivery", "influx", "jmx", "kafka", "lag", "mbeans", "plural", "point", "store"),
        *("times", "transports"),
    },
    "state": {"lag"},
    "influx": {"point", "store"},
    "delivery": {"influx", "point", "store"},
    "secret_source": {"config"},
    "build": {
        *("config", "influx", "jmx", "kafka", "lag", "mbeans", "pkcs12", "pollers"),
        *("secret_source", "state", "store", "transports"),
    },
    "once": {
        *("build", "config", "influx", "kafka", "mbeans", "pollers", "service", "store", "times"),
    },
    "app": {
        *("build", "config", "delivery", "influx", "kafka", "mbeans", "point", "pollers"),
        *("service", "state", "store", "times"),
    },
    "doctor": {"build", "config", "influx", "jmx", "kafka", "once", "store"},
}
ROOMS["cli"] = set(ROOMS)

# Where a room may be entered only through some of its modules.
DOORS: dict[tuple[str, str], set[str]] = {
    ("mbeans", "jmx"): {"jmxbridge.jmx.object_name", "jmxbridge.jmx.values"},
    ("mbeans", "lag"): {"jmxbridge.lag.consumers.consumer"},
    ("config", "jmx"): {"jmxbridge.jmx.object_name", "jmxbridge.jmx.values"},
    ("lag", "kafka"): {
        "jmxbridge.kafka.facts.extras",
        "jmxbridge.kafka.facts.members",
        "jmxbridge.kafka.facts.names",
        "jmxbridge.kafka.facts.snapshot",
        "jmxbridge.kafka.facts.throttling",
    },
    ("config", "kafka"): {"jmxbridge.kafka.facts.address_map", "jmxbridge.kafka.facts.names"},
    ("kafka", "jmx"): {
        "jmxbridge.jmx.credentials",
        "jmxbridge.jmx.errors",
        "jmxbridge.jmx.net.tls",
    },
    ("config", "lag"): {
        "jmxbridge.lag.output.renaming",
        "jmxbridge.lag.uncommitted",
        "jmxbridge.lag.output.row_thinning",
    },
    ("pollers", "influx"): {"jmxbridge.influx.sender"},
    ("pollers", "store"): {"jmxbridge.store"},
    ("config", "mbeans"): {
        "jmxbridge.mbeans.attribute_path",
        "jmxbridge.mbeans.naming",
        "jmxbridge.mbeans.rule",
        "jmxbridge.mbeans.units",
    },
}

# The only rooms that may use a library.
LIBRARIES: dict[str, set[str]] = {
    "cryptography": {"pkcs12"},
    "aiohttp": {"kafka", "transports"},
    "influxdb_client": {"influx"},
    "jmxquery": {"transports"},
    "kio": {"kafka"},
    "pydantic": {"config"},
    "pydantic_core": {"config"},
    "rich": {"cli"},
    "scramp": {"kafka"},
    "sqlite3": {"store"},
    "typer": {"cli"},
    "yaml": {"config"},
}

# Code that turns values into values: the same answer for the same arguments, today and tomorrow.
# `make coverage` holds that tests take every branch of these modules.
PURE = (
    "config",
    "jmx",
    "kafka/facts",
    "lag",
    "mbeans",
    "point.py",
    "times.py",
    "influx/bisect.py",
    "influx/line_protocol.py",
    "influx/outcome.py",
    "influx/pace.py",
    "influx/redaction.py",
    "influx/series.py",
    "influx/verdict.py",
)
WORLD = {
    *("asyncio", "concurrent", "logging", "multiprocessing", "select", "selectors", "signal"),
    *("socket", "sqlite3", "ssl", "subprocess", "threading", "time"),
}
DOORS_TO_THE_WORLD = {
    *("jmx/connection.py", "jmx/net/channel.py", "jmx/net/dial.py", "jmx/net/happy_eyeballs.py"),
    *("jmx/net/lookup.py", "jmx/net/low_water.py", "jmx/net/round_trip.py", "jmx/net/tls.py"),
}
FILES = {"config/loader.py"}  # the one pure-room module that reads files and the environment

# The inner order of a room, a floor a line: sub-packages and modules of the room. A module knows
# its own floor and those above it in this list.
FLOORS: dict[str, tuple[set[str], ...]] = {
    "config": (
        {"text"},
        {"values"},
        {"model"},
        {"checks"},
        {"show"},
        {"inclusion", "linked_files", "rule_sets"},
        {"file_tree", "schema"},
        {"settings_builder"},
        {"brokers", "completion_outline", "loader"},
        {"migration"},
    ),
    "jmx": (
        {"constants", "credentials", "errors", "modified_utf8", "object_name", "values"},
        {"serialization"},
        {"rmi"},
        {"net"},
        {"connection"},
    ),
    "kafka": ({"facts"}, {"wire"}, {"login"}, {"connection", "broker"}, {"cluster"}),
    "lag": (
        {"consumers"},
        {"rows", "uncommitted"},
        {"history"},
        {"tracker"},
        {"output"},
        {"report"},
    ),
    "pollers": (
        {"backoff", "health", "schedule"},
        {"poller"},
        {"lag_poll", "self_report", "target"},
        {"supervisor"},
    ),
    "influx": (
        {"body", "line_protocol", "outcome", "redaction", "series"},
        {"encode", "request_error", "verdict"},
        {"bisect", "http"},
        {"client", "pace"},
        {"probe", "sender"},
    ),
    "store": (
        {"errors", "packed", "schema"},
        {"account", "values"},
        {"chunks", "database"},
        {"dead_letters", "file"},
        {"ledger"},
        {"recovery"},
        {"spool"},
        {"store", "intake", "reader"},
    ),
    "transports": (
        {"exposure", "transport"},
        {"unreadable"},
        {"catalog"},
        {"jolokia_http", "jolokia_json"},
        {"jolokia_agent"},
        {"jmxquery", "jolokia", "rmi"},
        {"survey"},
    ),
}


@cache
def modules() -> tuple[Path, ...]:
    """Every module of the package, relative to it."""
    return tuple(sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py")))


@cache
def imports(path: Path) -> tuple[str, ...]:
    """Every module a file imports, in full; `from x import y` is `x.y` where that is a module."""

    def names() -> Iterator[str]:
        for node in ast.walk(ast.parse((PACKAGE / path).read_text())):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.module is not None, f"{path}:{node.lineno}: relative import"
                members = [f"{node.module}.{alias.name}" for alias in node.names]
                inner = [member for member in members if member in names_of_modules()]
                yield from inner
                if len(inner) < len(members):
                    yield node.module

    return tuple(names())


@cache
def names_of_modules() -> dict[str, Path]:
    """Dotted name → file, of every module of the package."""
    return {dotted(path): path for path in modules()}


def dotted(path: Path) -> str:
    """The name a file is imported by."""
    parts = path.with_suffix("").parts
    return ".".join(("jmxbridge", *parts[: -1 if parts and parts[-1] == "__init__" else None]))


def room(name: str) -> str:
    """The room of a dotted name of ours; empty for the package itself."""
    return [*name.split("."), ""][1]


def floor(name: str) -> int:
    """The floor of a dotted name of ours within its room, which must be one of FLOORS."""
    inner = [*name.split("."), ""][2]
    floors = FLOORS[room(name)]
    here = [index for index, names in enumerate(floors) if inner in names]
    assert len(here) == 1, f"{name}: {inner!r} is on {len(here)} floors of its room"
    return here[0]


def is_pure(path: Path) -> bool:
    """Whether a module is listed, itself or by its room, as free of the world."""
    text = path.as_posix()
    return text not in DOORS_TO_THE_WORLD and any(
        text == pure or text.startswith(f"{pure}/") for pure in PURE
    )


def own_imports(path: Path) -> list[str]:
    """The modules of this package that a file imports."""
    return [name for name in imports(path) if name.split(".")[0] == "jmxbridge"]


def test_every_room_is_listed() -> None:
    """A new room does not exist before the table says what it may know."""
    found = {room(dotted(path)) for path in modules()} - {"", "__main__"}
    assert found == set(ROOMS)


def test_the_table_has_no_way_back() -> None:
    """The rooms can be put in an order in which each knows only those before it."""
    order = list(graphlib.TopologicalSorter(ROOMS).static_order())
    assert order[-1] == "cli"


def test_no_module_imports_itself_by_a_detour() -> None:
    """Modules import one another without cycles, inside rooms too."""
    graph = {name: set(own_imports(path)) - {name} for name, path in names_of_modules().items()}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as exc:
        pytest.fail(" → ".join(exc.args[1]))


@pytest.mark.parametrize("path", modules(), ids=str)
def test_rooms_know_only_what_the_table_says(path: Path) -> None:
    """A module imports its own room and the rooms its room may know, through their doors."""
    here = room(dotted(path))
    for name in own_imports(path):
        there = room(name)
        if there in (here, "") or here == "__main__":
            continue
        assert there in ROOMS.get(here, set()), f"{here} may not know {there} ({name})"
        doors = DOORS.get((here, there))
        assert doors is None or name in doors, f"{here} enters {there} by {sorted(doors or ())}"


@pytest.mark.parametrize("path", [p for p in modules() if p.parts[0] in FLOORS], ids=str)
def test_modules_know_only_floors_before_theirs(path: Path) -> None:
    """Inside a room the order of its floors is the order in which it can be read."""
    here = dotted(path)
    if here.count(".") == 1:
        return  # the room's own __init__ is its door
    for name in own_imports(path):
        if room(name) == room(here) and name.count(".") > 1:
            assert floor(name) <= floor(here), f"{here} may not know {name}"


@pytest.mark.parametrize("path", modules(), ids=str)
def test_libraries_stay_in_their_rooms(path: Path) -> None:
    """What a library is used for can be read, and changed, in one place."""
    here = room(dotted(path))
    for name in imports(path):
        allowed = LIBRARIES.get(name.split(".")[0])
        assert allowed is None or here in allowed, f"{here} may not use {name}"


@pytest.mark.parametrize("path", [p for p in modules() if p.parts[0] == "jmx"], ids=str)
def test_jmx_is_a_library_of_its_own(path: Path) -> None:
    """The JMX client needs the standard library and itself, nothing else."""
    tops = {name.split(".")[0] for name in imports(path)} - {"jmxbridge"}
    assert tops <= sys.stdlib_module_names
    assert {room(name) for name in own_imports(path)} <= {"jmx"}


@pytest.mark.parametrize("path", [p for p in modules() if is_pure(p)], ids=str)
def test_pure_modules_do_no_io(path: Path) -> None:
    """Code that turns values into values cannot reach the clock, the log or the network."""
    assert not {name.split(".")[0] for name in imports(path)} & WORLD
    if path.as_posix() not in FILES:
        assert "os" not in imports(path)
        assert not opens_files(path)


def opens_files(path: Path) -> bool:
    """Whether a module calls open() or a method that reads or writes a file."""
    verbs = {"open", "read_text", "read_bytes", "write_text", "write_bytes"}
    nodes = ast.walk(ast.parse((PACKAGE / path).read_text()))
    called = [node.func for node in nodes if isinstance(node, ast.Call)]
    return any(
        (isinstance(func, ast.Name) and func.id == "open")
        or (isinstance(func, ast.Attribute) and func.attr in verbs)
        for func in called
    )


@pytest.mark.parametrize("library", ["aiohttp", "influxdb_client"])
def test_clients_of_http_are_imported_late(library: str) -> None:
    """They cost 0.3 and 0.4 s, 25 and 30 MB: no module pays that before a client is made."""
    for path in modules():
        tree = ast.parse((PACKAGE / path).read_text())
        for node in tree.body:
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [n for n in names if n.split(".")[0] == library], path


def test_the_lists_name_what_exists() -> None:
    """An exemption does not outlive the file it was made for."""
    for name in (*PURE, *FILES, *DOORS_TO_THE_WORLD):
        assert (PACKAGE / name).exists(), name
    for home, floors in FLOORS.items():
        for inner in set().union(*floors):
            place = PACKAGE / home / inner
            assert place.is_dir() or place.with_suffix(".py").is_file(), place
    for doors in DOORS.values():
        assert doors <= names_of_modules().keys()


if __name__ == "__main__":  # the pure modules, as `coverage report --include` takes them
    sys.stdout.write(",".join(f"jmxbridge/{path}" for path in modules() if is_pure(path)) + "\n")
