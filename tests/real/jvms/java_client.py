"""A Java client of a JVM's MBeans (tests/oracle/Oracle.java), and its values as Python values.

Our values distinguish fewer types than Java: `PYTHON` maps classes to types. The mapping starts
from the class that the Java client saw, never from our client's result.
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
    """No value in the answer, because the getter throws."""


@dataclass(frozen=True, slots=True)
class Instance:
    """An object without a Python value, by its class."""

    java_class: str


Seen: TypeAlias = Any  # a Value, Absent, Instance; tuples and composites of them
Attributes: TypeAlias = Mapping[str, tuple[str, Seen]]  # declared type of MBeanInfo first
# By canonical name; None for an MBean that is gone or whose answer is unreadable.
MBeans: TypeAlias = Mapping[str, Attributes | None]


def date(text: str) -> Seen:
    """Return a datetime, or the object itself if Python has no such year."""
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
# These serialize as another class, which is what we see.
WRITTEN_AS = {"java.util.RegularEnumSet": "java.util.EnumSet$SerializationProxy"}


class JavaClient:
    """The running program; each `read` is one line each way."""

    def __init__(self, program: Jvm) -> None:
        self._program = program

    def read(self, port: int, names: Iterable[ObjectName] = ()) -> MBeans:
        """Read these MBeans, or all."""
        words = [name.canonical.encode().hex() for name in names]
        answer = json.loads(self._program.ask(" ".join(["read", str(port), *words])))
        return {
            name: typed if typed is None else attributes(typed) for name, typed in answer.items()
        }


@contextmanager
def java_client(folder: Path) -> Iterator[JavaClient]:
    """Start it; Java needs the classes of custom values, our client does not."""
    libs = [java_classes(VALUES), app_libs()]
    with Jvm(ORACLE, libs=libs, log=folder / "oracle.log") as program:
        yield JavaClient(program)


def attributes(typed_values: Mapping[str, Any]) -> Attributes:
    """Parse the program's answer about one MBean."""
    return {name: (declared, seen(typed)) for name, (declared, typed) in typed_values.items()}


def seen(typed: list[Any]) -> Seen:
    """Convert a value of the program to what our client must return.

    A class that is not in `PYTHON` stays an object.
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
    """Read the same MBeans with our client."""
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
