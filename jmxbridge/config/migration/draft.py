"""What was read of another tool's file, on its way to becoming one of ours."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from jmxbridge.config.text.interpolation import names_a_variable

# A composite has no items in a file: these are of the JVM itself, and have java.lang's four.
MEMORY_USAGE = ("init", "used", "committed", "max")
MEMORY_ATTRIBUTES = frozenset(
    {"HeapMemoryUsage", "NonHeapMemoryUsage", "Usage", "PeakUsage", "CollectionUsage"}
)
# Tags that every point has already.
OUR_TAGS = frozenset({"cluster", "target"})


@dataclass(frozen=True, slots=True)
class Left:
    """What was left behind: the line of the old file it is in, from 1, and what or why."""

    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.line}: {' '.join(self.what.split())}"


@dataclass(frozen=True, slots=True)
class DraftSection:
    """A key at the top of the new file, and the line of the old one it is made of."""

    line: int
    key: str
    value: object


@dataclass(frozen=True, slots=True)
class DraftTarget:
    """A target as the new file will have it; it collects one set."""

    line: int
    set_name: str
    entry: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class DraftRule:
    """One rule as the new file will have it."""

    line: int
    set_name: str
    entry: Mapping[str, object]


@dataclass(slots=True)
class Draft:
    """A file in the making; grows."""

    sections: list[DraftSection] = field(default_factory=list)
    targets: list[DraftTarget] = field(default_factory=list)
    rules: list[DraftRule] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)

    def section(self, key: str) -> object:
        """Return what stands under a key; None where nothing does."""
        return next((each.value for each in self.sections if each.key == key), None)

    def leave(self, line: int, what: str) -> None:
        """Note what is not carried over."""
        self.left.append(Left(line, what))

    def secret(self, line: int, where: str, key: str, text: str) -> dict[str, object]:
        """Carry a secret over where it is a variable; else say where it is to be put."""
        if names_a_variable(text):
            return {key: text}
        said = f"{key} is not copied: put it into a file and name that as {key}_file of {where}"
        self.leave(line, said)
        return {}

    def login(self, line: int, where: str, username: str, password: str) -> dict[str, object]:
        """Carry a user name over with its password, or neither of them."""
        carried = self.secret(line, where, "password", password)
        if not carried:
            return {}
        return {"username": literal(username), **carried}


def without_login(url: str) -> tuple[str, str, str]:
    """Return a URL without user and password, and these; empty where it has none."""
    scheme, colon, rest = url.partition("://")
    login, at, place = rest.rpartition("@")
    if not at or (":" not in login and "/" in login):  # no password, but an @ in the path
        return url, "", ""
    username, _, password = login.partition(":")
    return f"{scheme}{colon}{place}", unquote(username), unquote(password)


def literal(text: str) -> str:
    """Write a text so that `${NAME}` is a variable and any other `${` is itself."""
    return re.sub(r"\$\{(?![A-Za-z_][A-Za-z0-9_]*\})", "$${", text)


def escaped(name: str) -> str:
    """Write the name of an attribute, or of an item in it, as one name of a path."""
    return re.sub(r"[\\.{}]", r"\\\g<0>", name)


def tag_name(key: str) -> str:
    """Name a tag as its key property, unless every point has a tag of that name."""
    return f"{key}_key" if key in OUR_TAGS else key
