"""A file made of a few lines, for tests that are about one of them."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from jmxbridge.config.model.models import Settings
from jmxbridge.config.settings_builder import build
from jmxbridge.config.text.problem import InvalidValue

# What a file needs beside the lines under test.
KAFKA = "kafka: {bootstrap: 'broker:9092'}\n"

MakeSettings = Callable[..., Settings]


def no_files(path: Path) -> str:
    """Stand for a machine without secret files."""
    raise InvalidValue("no such file")


@pytest.fixture
def settings() -> MakeSettings:
    """Make settings of a text as if it were the file /etc/jmxbridge/mbeans.yaml."""

    def make(
        text: str,
        environ: Mapping[str, str] | None = None,
        read_secret: Callable[[Path], str] = no_files,
        kafka: bool = True,
    ) -> Settings:
        return build(
            text + (KAFKA if kafka else ""),
            path=Path("/etc/jmxbridge/mbeans.yaml"),
            environ=environ or {},
            read_secret=read_secret,
        )

    return make
