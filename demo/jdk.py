"""The JDKs of this machine: those that an environment variable names, and the default's neighbours.

GitHub's runners name each in JAVA_HOME_25_X64 and the like; a distribution puts all in one folder.
"""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

RELEASE = re.compile(r'^JAVA_VERSION="(\d+)', re.MULTILINE)


def java_of(version: int) -> Path | None:
    """Return the `java` of a JDK of that major version, None where there is none."""
    for home in _homes():
        release, program = home / "release", home / "bin" / "java"
        if not (release.is_file() and os.access(program, os.X_OK)):
            continue
        found = RELEASE.search(release.read_text())
        if found and int(found[1]) == version:
            return program
    return None


def _homes() -> Iterator[Path]:
    yield from (Path(home) for name, home in os.environ.items() if name.startswith("JAVA_HOME"))
    if default := shutil.which("java"):
        yield from sorted(Path(default).resolve().parents[2].iterdir())
