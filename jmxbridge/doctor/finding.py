"""Findings of an examination, each with its fix, and notes that need none."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem; `fix` is empty if `problem` already tells how to fix it."""

    where: str
    problem: str
    fix: str = ""

    def __str__(self) -> str:
        text = f"{self.where}: {self.problem}" if self.where else self.problem
        stop = "" if text.endswith((".", ".)", "?", "!")) else "."
        return f"{text}{stop} {self.fix}" if self.fix else text


@dataclass(frozen=True, slots=True)
class Area:
    """One examined subject; without findings it is fine. `notes` require no action."""

    name: str
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
