"""Problems of a file: place, message, the line itself, and how to fix it.

Rule: a problem is a value. Modules of `config` collect problems; only the loader and the builder
raise, once, with all of them.

    mbeans.yaml:14:5: error: targets[0].jxm: unknown key (did you mean "jmx"?)
      14 |   - jxm: 127.0.0.1:9999
         |     ^^^
"""

from collections.abc import Iterable
from dataclasses import dataclass
from unicodedata import category

# A file of another kind (a log, a binary) has a problem per line: a screenful is enough to tell.
MAX_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Problem:
    """One error or warning.

    `line` and `column` count from 1; line 0 means the file as a whole. `where` is the path of keys
    (`targets[0].jmx`), empty for the file. `source_line` is the line as it may be shown: secrets
    masked, long lines clipped; `caret` (offset, width) points into it. `severity` is "error", or
    "warning" for what works but is probably a mistake.
    """

    file: str
    line: int
    column: int
    where: str
    message: str
    source_line: str = ""
    caret: tuple[int, int] = (0, 1)
    suggestion: str | None = None
    severity: str = "error"

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        subject = f"{self.where}: " if self.where else ""
        hint = f' (did you mean "{self.suggestion}"?)' if self.suggestion else ""
        text = printable(f"{place}: {self.severity}: {subject}{self.message}{hint}")
        if not self.line:
            return text
        offset, width = self.caret
        return (
            f"{text}\n{self.line:>6} | {self.source_line}".rstrip()
            + f"\n       | {' ' * offset}{'^' * max(1, width)}"
        )


def printable(text: str) -> str:
    """Escape characters that move a terminal's cursor, and those that UTF-8 cannot encode."""
    return "".join(
        char.encode("unicode_escape").decode() if category(char) in ("Cc", "Cs") else char
        for char in text
    )


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Sort problems by file, then by place."""
    return tuple(sorted(problems, key=lambda p: (p.file, p.line, p.column, p.where)))


class ConfigError(Exception):
    """The file cannot be used; `problems` tells why, in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = in_order(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        lines = [str(problem) for problem in self.problems[:MAX_SHOWN]]
        rest = len(self.problems) - len(lines)
        if rest:
            lines.append(f"… and {rest} more")
        return "\n".join(lines)


class InvalidValue(ValueError):
    """A text that its key cannot take.

    `message` tells why, `position` is the character it is about (from 0), `suggestion` what was
    probably meant. It knows neither file nor key: its catcher makes a `Problem` of it.
    """

    def __init__(self, message: str, position: int = 0, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.position = position
        self.suggestion = suggestion
