"""Warnings of `check`: settings that work but are probably a mistake."""

import re
from collections.abc import Iterable, Iterator, Set
from collections.abc import Mapping as Map

from jmxbridge.config.model.location import Path
from jmxbridge.config.model.model_reader import ModelReader
from jmxbridge.config.text.interpolation import names_a_variable
from jmxbridge.config.text.tree import Mapping, Scalar, Sequence
from jmxbridge.config.values.address import Address, is_loopback
from jmxbridge.config.values.sasl_keys import EXPOSED

# A separator of words in names of groups and topics: repeating it is never intended.
_GLOB = re.compile(r"(?<!\\)[-_]\*")


def warn_of_sets(reader: ModelReader, mbeans: Mapping, collected: Set[str]) -> None:
    """Warn of sets that no target collects, so that nothing polls them."""
    for entry in mbeans.entries:
        if entry.key.text not in collected:
            path = ("mbeans", entry.key.text)
            reader.warn(entry.key, path, "no target collects this set: nothing polls it")


def warn_of_secrets(reader: ModelReader, section: Mapping, path: Path) -> None:
    """Warn of secrets in the file, which everyone who may read the file can read."""
    for key in ("token", "password", "client_secret", "key_password"):
        entry = section.get(key)
        if entry is None or not isinstance(entry.value, Scalar):
            continue
        if not names_a_variable(entry.value.text):
            message = f"a secret in the file: use {key}_file or a variable, ${{NAME}}, instead"
            reader.warn(entry.key, (*path, key), message)
    tls = section.get("tls")
    if tls is not None and isinstance(tls.value, Mapping):
        warn_of_secrets(reader, tls.value, (*path, "tls"))


def warn_of_eavesdroppers(reader: ModelReader, kafka: Mapping, hosts: Iterable[Address]) -> None:
    """Warn of a login without TLS to a broker on the network."""
    sasl = kafka.get("sasl")
    if sasl is None or not isinstance(sasl.value, Mapping) or kafka.get("tls") is not None:
        return
    mechanism = sasl.value.get("mechanism")
    remote = next((host for host in hosts if not is_loopback(host.host)), None)
    if remote is None or mechanism is None or not isinstance(mechanism.value, Scalar):
        return
    exposed = EXPOSED.get(reader.text(mechanism.value) or "")
    if exposed is not None:
        message = f"{exposed} on the way to {remote}: kafka.tls hides it"
        reader.warn(mechanism.key, ("kafka", "sasl", "mechanism"), message)


def warn_of_globs(reader: ModelReader, kafka: Mapping) -> None:
    """Warn of globs where regular expressions stand: `test-*` is test and any number of hyphens."""
    for section in ("groups", "topics"):
        for key in ("allow", "deny"):
            for node, path in _texts(kafka, section, key):
                if _GLOB.search(node.text):
                    reader.warn(node, path, "* repeats the character before it; any text is .*")


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
    """Warn of an interval that is shorter than the last polls took, in seconds by target.

    Polls are then left out.
    """
    slow = sorted((name for name in took if took[name] > interval_s), key=lambda n: -took[n])
    if not slow:
        return
    others = f", and {len(slow) - 1} more took longer than that" if slow[1:] else ""
    message = (
        f"the last poll of {slow[0]} took {took[slow[0]]:.1f} s, longer than the interval of"
        f" {interval_s:g} s{others}: make it longer, or give rules an `every`"
    )
    entry = root.get("interval")
    node = root.entries[0].key if entry is None else entry.value
    reader.warn(node, ("interval",), message)
