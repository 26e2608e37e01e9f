"""Settings of a few lines, for tests that are about one of them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from jmxbridge.config.linked_files import no_secrets
from jmxbridge.config.model.models import Settings
from jmxbridge.config.rule_sets import Packs
from jmxbridge.config.settings_builder import build
from jmxbridge.config.text.problem import ConfigError

# The part that a file needs in addition to the lines under test.
KAFKA = "kafka: {bootstrap: 'broker:9092'}\n"

MakeSettings = Callable[..., Settings]
FindProblems = Callable[..., list[str]]


@pytest.fixture
def settings() -> MakeSettings:
    """Make settings of a text as if it were the file /etc/jmxbridge/mbeans.yaml."""

    def make(
        text: str,
        environ: Mapping[str, str] | None = None,
        read_secret: Callable[[Path], str] = no_secrets,
        packs: Packs = MappingProxyType({}),
        kafka: bool = True,
    ) -> Settings:
        return build(
            text + (KAFKA if kafka else ""),
            path=Path("/etc/jmxbridge/mbeans.yaml"),
            environ=environ or {},
            read_secret=read_secret,
            packs=packs,
        )

    return make


@pytest.fixture
def problems(settings: MakeSettings) -> FindProblems:
    """List the problems of a text, each as `key path: message`, in the order of the file."""

    def find(text: str, **options: object) -> list[str]:
        try:
            settings(text, **options)
        except ConfigError as error:
            return [f"{problem.where}: {problem.message}" for problem in error.problems]
        return []

    return find
