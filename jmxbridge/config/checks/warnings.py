"""What works and is probably not meant: said by `check`, and no reason to refuse a file."""

import re
from collections.abc import Iterable, Iterator, Set
from collections.abc import Mapping as Map

from jmxbridge.config.model.location import Path
from jmxbridge.config.model.model_reader import ModelReader
from jmxbridge.config.text.interpolation import names_a_variable
from jmxbridge.config.text.tree import Mapping, Scalar, Sequence
from jmxbridge.config.values.address import Address, is_loopback
from jmxbridge.config.values.sasl_keys import SEEN

# What separates words in names of groups and topics is never meant to be repeated.
_GLOB = re.compile(r"(?<!\\)[-_]\*")


def warn_of_sets(reader: ModelReader, mbeans: Mapping, collected: Set[str]) -> None:
    """A set that no target collects is not polled."""
    for entry in mbeans.entries:
        if entry.key.text not in collected:
            path = ("mbeans", entry.key.text)
            reader.warn(entry.key, path, "no target collects this set: nothing polls it")


def warn_of_secrets(reader: ModelReader, section: Mapping, path: Path) -> None:
    """Who may read the file reads a secret that stands in it."""
    for key in ("token", "password", "client_secret", "key_password"):
        entry = section.get(key)
        if entry is None or not isinstance(entry.value, Scalar):
            continue
        if not names_a_variable(entry.value.text):
            said = f"a secret in the file: {key}_file, or a variable ${{NAME}}, keeps it out of it"
            reader.warn(entry.key, (*path, key), said)
    tls = section.get("tls")
    if tls is not None and isinstance(tls.value, Mapping):
        warn_of_secrets(reader, tls.value, (*path, "tls"))


def warn_of_eavesdroppers(reader: ModelReader, kafka: Mapping, hosts: Iterable[Address]) -> None:
    """Without TLS whoever is on the way can log in as we do."""
    sasl = kafka.get("sasl")
    if sasl is None or not isinstance(sasl.value, Mapping) or kafka.get("tls") is not None:
        return
    mechanism = sasl.value.get("mechanism")
    far = next((each for each in hosts if not is_loopback(each.host)), None)
    if far is None or mechanism is None or not isinstance(mechanism.value, Scalar):
        return
    seen = SEEN.get(reader.text(mechanism.value) or "")
    if seen is not None:
        said = f"{seen} on the way to {far}: kafka.tls hides it"
        reader.warn(mechanism.key, ("kafka", "sasl", "mechanism"), said)


def warn_of_globs(reader: ModelReader, kafka: Mapping) -> None:
    """`test-*` is a regular expression: test with any number of hyphens, which is no group."""
    for section in ("groups", "topics"):
        for key in ("allow", "deny"):
            for node, path in _texts(kafka, section, key):
                if _GLOB.search(node.text):
                    said = "* repeats the character before it; any text is .*"
                    reader.warn(node, path, said)


def _texts(kafka: Mapping, section: str, key: str) -> Iterator[tuple[Scalar, Path]]:
    entry = kafka.get(section)
    names = entry.value.get(key) if entry is not None and isinstance(entry.value, Mapping) else None
    if names is None:
        return
    path = ("kafka", section, key)
    if isinstance(names.value, Scalar):
        yield names.value, path
    elif isinstance(names.value, Sequence):
        for index, item in enumerate(names.value.items):
            if isinstance(item, Scalar):
                yield item, (*path, index)


def warn_of_interval(
    reader: ModelReader, root: Mapping, took: Map[str, float], interval_s: float
) -> None:
    """An interval shorter than a poll takes leaves instants out; `took` is of the last polls."""
    slow = sorted((name for name in took if took[name] > interval_s), key=lambda n: -took[n])
    if not slow:
        return
    others = f", and {len(slow) - 1} more took longer than that" if slow[1:] else ""
    said = (
        f"the last poll of {slow[0]} took {took[slow[0]]:.1f} s, longer than the interval of"
        f" {interval_s:g} s{others}: make it longer, or give rules an `every`"
    )
    entry = root.get("interval")
    reader.warn(root.entries[0].key if entry is None else entry.value, ("interval",), said)
