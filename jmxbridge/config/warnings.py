"""What works and is probably not meant: said by `check`, and no reason to refuse a file."""

from collections.abc import Set

from jmxbridge.config.interpolation import names_a_variable
from jmxbridge.config.location import Path
from jmxbridge.config.redaction import SECRETS
from jmxbridge.config.sections import SectionReader
from jmxbridge.config.tree import Mapping, Scalar


def warn_of_sets(reader: SectionReader, mbeans: Mapping, collected: Set[str]) -> None:
    """A set that no target collects is not polled."""
    for entry in mbeans.entries:
        if entry.key.text not in collected:
            path = ("mbeans", entry.key.text)
            reader.warn(entry.key, path, "no target collects this set: nothing polls it")


def warn_of_secrets(reader: SectionReader, section: Mapping, path: Path) -> None:
    """Who may read the file reads a secret that stands in it."""
    for key in SECRETS:
        entry = section.get(key)
        if entry is None or not isinstance(entry.value, Scalar):
            continue
        if not names_a_variable(entry.value.text):
            said = f"a secret in the file: {key}_file, or a variable ${{NAME}}, keeps it out of it"
            reader.warn(entry.key, (*path, key), said)
