"""A Java client of a JVM's MBeans, that of tests/oracle/Oracle.java, and what its values are to us.

Our values keep less than Java's: `PYTHON` says which classes become one type. What a Java class
becomes is decided here by the class the Java client saw, never by what our client made of it.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

from demo.cache import app_libs, java_classes
from demo.servers import Jvm
from jmxbridge.jmx import Composite, Connection, ObjectName, RemoteException

ORACLE = Path(__file__).parents[2] / "oracle" / "Oracle.java"
VALUES = ORACLE.with_name("Values.java")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Absent:
    """No value in the answer: the getter throws."""


@dataclass(frozen=True, slots=True)
class Instance:
    """An object that is not turned into a value: its class."""

    java_class: str


Seen: TypeAlias = Any  # a Value, Absent, Instance; tuples and composites of them
Attributes: TypeAlias = Mapping[str, tuple[str, Seen]]  # with the type that MBeanInfo declares
# By canonical name. None stands for an MBean that cannot be read: gone, or its answer unreadable.
MBeans: TypeAlias = Mapping[str, Attributes | None]


def date(text: str) -> Seen:
    """Return an instant, or the object it stays where Python has no such year."""
    try:
        return EPOCH + timedelta(milliseconds=int(text))
    except OverflowError:
        return Instance("java.util.Date")


PYTHON: Mapping[str, Callable[[str], Seen]] = {
    "java.lang.Boolean": lambda text: {"true": True, "false": False}[text],
    **dict.fromkeys((f"java.lang.{name}" for name in ("Byte", "Short", "Integer", "Long")), int),
    "java.math.BigInteger": int,
    **dict.fromkeys((f"java.util.concurrent.atomic.Atomic{n}" for n in ("Integer", "Long")), int),
    **dict.fromkeys(("java.lang.Float", "java.lang.Double"), float.fromhex),
    **dict.fromkeys(("java.lang.String", "java.lang.Character"), str),
    "java.util.Date": date,
    "javax.management.ObjectName": ObjectName.parse,
}
# These write another class in their place, which is what we see.
WRITTEN_AS = {"java.util.RegularEnumSet": "java.util.EnumSet$SerializationProxy"}


class JavaClient:
    """The running program; each `read` is one line to it and one from it."""

    def __init__(self, program: Jvm) -> None:
        self._program = program

    def read(self, port: int, names: Iterable[ObjectName] = ()) -> MBeans:
        """Return what the MBeans of these names say, or all of them."""
        words = [name.canonical.encode().hex() for name in names]
        answer = json.loads(self._program.ask(" ".join(["read", str(port), *words])))
        return {
            name: typed if typed is None else attributes(typed) for name, typed in answer.items()
        }


@contextmanager
def java_client(folder: Path) -> Iterator[JavaClient]:
    """Start it; of values that are not Java's own, Java must have the classes. We need none."""
    libs = [java_classes(VALUES), app_libs()]
    with Jvm(ORACLE, libs=libs, log=folder / "oracle.log") as program:
        yield JavaClient(program)


def attributes(typed_values: Mapping[str, Any]) -> Attributes:
    """Read what the program says about one MBean."""
    return {name: (declared, seen(typed)) for name, (declared, typed) in typed_values.items()}


def seen(typed: list[Any]) -> Seen:
    """Turn a value of the program's into what our client must see.

    A class that is not in the table is an object left as it is.
    """
    java_class, *content = typed
    match java_class, content:
        case "null", _:
            return None
        case "thrown", _:
            return Absent()
        case _, []:
            return Instance(WRITTEN_AS.get(java_class, java_class))
        case _, [list() as items]:
            return tuple(seen(item) for item in items)
        case _, [dict() as items]:
            return Composite({key: seen(item) for key, item in items.items()})
        case _, [str() as text] if java_class.startswith("enum "):
            return text
    return PYTHON[java_class](content[0]) if java_class in PYTHON else Instance(java_class)


async def read_ours(connection: Connection, names: Iterable[ObjectName] = ()) -> MBeans:
    """Read the same with our client."""
    wanted = list(names) or await connection.query(None)
    infos = dict(zip(wanted, await connection.get_infos(wanted), strict=True))
    asked = [
        (name, [attribute.name for attribute in info.attributes])
        for name, info in infos.items()
        if not isinstance(info, RemoteException)
    ]
    answers = dict(zip((n for n, _ in asked), await connection.get_many(asked), strict=True))
    read: dict[str, Attributes | None] = {name.canonical: None for name in wanted}
    for name, info in infos.items():
        values = answers.get(name)
        if isinstance(info, RemoteException) or not isinstance(values, dict):
            continue
        read[name.canonical] = {
            attribute.name: (attribute.type, values.get(attribute.name, Absent()))
            for attribute in info.attributes
        }
    return read
