"""What is wrong, where, and how to mend it; and what is only worth knowing."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong; `mend` is empty where `problem` itself says what to do."""

    where: str
    problem: str
    mend: str = ""

    def __str__(self) -> str:
        said = f"{self.where}: {self.problem}" if self.where else self.problem
        stop = "" if said.endswith((".", ".)", "?", "!")) else "."
        return f"{said}{stop} {self.mend}" if self.mend else said


@dataclass(frozen=True, slots=True)
class Area:
    """One thing that was looked at; without findings it is fine. `notes` ask for nothing."""

    name: str
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
