"""JDKs of this machine, from environment variables and from the default JDK's parent folder.

GitHub's runners name each JDK in a variable such as JAVA_HOME_25_X64; distributions install them
side by side in one folder.
"""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

RELEASE = re.compile(r'^JAVA_VERSION="(\d+)', re.MULTILINE)


def java_of(version: int) -> Path | None:
    """Return the `java` of a JDK with that major version, or None."""
    for home in _homes():
        release, program = home / "release", home / "bin" / "java"
        if not (release.is_file() and os.access(program, os.X_OK)):
            continue
        major = RELEASE.search(release.read_text())
        if major and int(major[1]) == version:
            return program
    return None


def _homes() -> Iterator[Path]:
    yield from (Path(home) for name, home in os.environ.items() if name.startswith("JAVA_HOME"))
    if default := shutil.which("java"):
        yield from sorted(Path(default).resolve().parents[2].iterdir())
