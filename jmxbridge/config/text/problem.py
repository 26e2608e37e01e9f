"""What is wrong with a file, said so that it can be mended without reading our code.

Rule: a problem is a value. Rooms of `config` return problems; only the loader raises, once, with
all of them.

    mbeans.yaml:14:5: error: targets[0].jxm: unknown key (did you mean "jmx"?)
      14 |   - jxm: 127.0.0.1:9999
         |     ^^^
"""

from collections.abc import Iterable
from dataclasses import dataclass
from unicodedata import category


class InvalidValue(ValueError):
    """A text that its key cannot take.

    `message` says why, `position` is the character it is about (from 0), `suggestion` what was
    probably meant. It knows no file: whoever reads one makes a `Problem` of it.
    """

    def __init__(self, message: str, position: int = 0, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.position = position
        self.suggestion = suggestion


# A file that was never ours (a log, a binary) has a complaint per line: a screenful says it all.
MAX_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Problem:
    """One complaint.

    `line` and `column` count from 1; line 0 means the file as a whole. `where` is the path of keys
    (`targets[0].jmx`), empty for the file. `source_line` is what may be shown of the line: secrets
    masked, long lines clipped; `caret` (offset, width) points into it. `severity` is "error", or
    "warning" for what works and is probably not meant.
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
    """Escape what would move a terminal's cursor, or could not be written to it at all."""
    return "".join(
        char.encode("unicode_escape").decode() if category(char) in ("Cc", "Cs") else char
        for char in text
    )


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Sort problems as they stand in the file, and in those that it includes."""
    return tuple(sorted(problems, key=lambda p: (p.file, p.line, p.column, p.where)))


class ConfigError(Exception):
    """The file cannot be used; `problems` says why, in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = in_order(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        shown = [str(problem) for problem in self.problems[:MAX_SHOWN]]
        rest = len(self.problems) - len(shown)
        if rest:
            shown.append(f"… and {rest} more")
        return "\n".join(shown)
