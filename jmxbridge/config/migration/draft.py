"""Draft of a new file: the parts that were read from another tool's file."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from jmxbridge.config.text.interpolation import names_a_variable

# A rule names the items of a composite. Other tools' files often do not; these attributes of a JVM
# are java.lang.management.MemoryUsage, which has four.
MEMORY_USAGE = ("init", "used", "committed", "max")
MEMORY_ATTRIBUTES = frozenset(
    {"HeapMemoryUsage", "NonHeapMemoryUsage", "Usage", "PeakUsage", "CollectionUsage"}
)
# Tags that every point has already.
OUR_TAGS = frozenset({"cluster", "target"})


class WrongFile(ValueError):
    """A text that is not a file of the tool."""


class NotMigratable(ValueError):
    """A rule of another tool that has no counterpart; the message tells why."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """Part of the old file that is not in the new one: its line, from 1, and the reason."""

    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.line}: {' '.join(self.reason.split())}"


@dataclass(frozen=True, slots=True)
class DraftSection:
    """A key at the top of the new file, and the line of the old file that it comes from."""

    line: int
    key: str
    value: object


@dataclass(frozen=True, slots=True)
class DraftTarget:
    """A target of the new file; it collects one set."""

    line: int
    set_name: str
    entry: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class DraftRule:
    """A rule of the new file."""

    line: int
    set_name: str
    entry: Mapping[str, object]


@dataclass(slots=True)
class Draft:
    """A new file while it is being made; its lists grow."""

    sections: list[DraftSection] = field(default_factory=list)
    targets: list[DraftTarget] = field(default_factory=list)
    rules: list[DraftRule] = field(default_factory=list)
    leftovers: list[Leftover] = field(default_factory=list)

    def section(self, key: str) -> object:
        """Return the value of a section; None where there is none."""
        values = (section.value for section in self.sections if section.key == key)
        return next(values, None)

    def leave_out(self, line: int, reason: str) -> None:
        """List a part of the old file that has no counterpart."""
        self.leftovers.append(Leftover(line, reason))

    def secret(self, line: int, where: str, key: str, text: str) -> dict[str, object]:
        """Return the entry of a secret that is a variable; list any other one as left out."""
        if names_a_variable(text):
            return {key: text}
        reason = f"{key} is not copied: put it into a file and name that as {key}_file of {where}"
        self.leave_out(line, reason)
        return {}

    def login(self, line: int, where: str, username: str, password: str) -> dict[str, object]:
        """Return the entries of a user name and its password; neither without the password."""
        entries = self.secret(line, where, "password", password)
        if not entries:
            return {}
        return {"username": literal(username), **entries}


def without_login(url: str) -> tuple[str, str, str]:
    """Split a URL into the URL without login, user name and password; empty where it has none."""
    scheme, colon, rest = url.partition("://")
    login, at_sign, place = rest.rpartition("@")
    if not at_sign or (":" not in login and "/" in login):  # no password, but an @ in the path
        return url, "", ""
    username, _, password = login.partition(":")
    return f"{scheme}{colon}{place}", unquote(username), unquote(password)


def literal(text: str) -> str:
    """Escape `${` in a text, unless it begins a variable, `${NAME}`."""
    return re.sub(r"\$\{(?![A-Za-z_][A-Za-z0-9_]*\})", "$${", text)


def escaped(name: str) -> str:
    """Escape the name of an attribute, or of an item in it, to be one name of a path."""
    return re.sub(r"[\\.{}]", r"\\\g<0>", name)


def tag_name(key: str) -> str:
    """Return a tag name for a key property: the key, unless every point has a tag of that name."""
    return f"{key}_key" if key in OUR_TAGS else key
