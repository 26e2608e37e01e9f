"""Coverage of the MBeans of a good default configuration (reference.yaml) by the packs."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from jmxbridge.config.loader import PRESETS, packs
from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.mbeans.discovery import attributes, find_claims
from tests.mbeans.test_packs import JVMS, Recorded, rules

REFERENCE: list[dict[str, Any]] = yaml.safe_load(
    Path(__file__).with_name("reference.yaml").read_text()
)
RECORDED = sorted({jvm for jvms in JVMS.values() for jvm in jvms})
OURS = [name for name in packs() if name not in PRESETS]
Key = tuple[str, ObjectName, str]  # JVM, MBean, attribute
ByName = Mapping[ObjectName, Collection[Key]]  # JVMs have MBeans of one name: each is matched once


@pytest.fixture(scope="module")
def held(recorded: Recorded) -> tuple[ByName, frozenset[Key]]:
    """Return every attribute of every recorded JVM, and those that a pack reads.

    A second name of a topic, which is left out on purpose, is not included.
    """
    had: dict[ObjectName, list[Key]] = {}
    read: set[Key] = set()
    for jvm in RECORDED:
        by_name = {mbean.name: mbean for mbean in recorded(jvm)}
        taken = find_claims([rule for pack in OURS for rule in rules(pack)], by_name)
        for claim in taken:
            asked = attributes(claim.rule, by_name[claim.name].attributes)
            read.update((jvm, claim.name, attribute) for attribute in asked)
        for name in by_name.keys() - {left_out.name for left_out in taken.left_out}:
            had.setdefault(name, []).extend((jvm, name, a) for a in by_name[name].attributes)
    return had, frozenset(read)


def wanted(entry: Mapping[str, Any], had: ByName, listed: str) -> dict[str, set[Key]]:
    """Return each attribute of an entry, on every JVM and MBean that has it."""
    pattern = ObjectName.parse(entry["bean"])
    matching = [key for name, keys in had.items() if pattern.matches(name) for key in keys]
    return {a: {key for key in matching if key[2] == a} for a in entry.get(listed, ())}


@pytest.mark.parametrize("entry", REFERENCE, ids=lambda entry: str(entry["bean"]))
def test_packs_read_the_mbeans_they_should(
    entry: Mapping[str, Any], held: tuple[ByName, frozenset[Key]]
) -> None:
    """On every version that has it; at least one version has it."""
    had, read = held
    for attribute, keys in wanted(entry, had, "reads").items():
        assert keys, f"no recorded JVM has {attribute}"
        assert keys <= read, sorted((jvm, str(name)) for jvm, name, _ in keys - read)


@pytest.mark.parametrize("entry", REFERENCE, ids=lambda entry: str(entry["bean"]))
def test_mbeans_no_pack_reads_have_a_reason(
    entry: Mapping[str, Any], held: tuple[ByName, frozenset[Key]]
) -> None:
    """No pack reads it, at least one version has it, and the entry tells why."""
    had, read = held
    for attribute, keys in wanted(entry, had, "not").items():
        assert keys, f"no recorded JVM has {attribute}"
        assert not keys & read, attribute
        assert entry["not"][attribute], attribute


def test_every_entry_lists_attributes() -> None:
    """Attributes that are read, or left out."""
    assert all(entry.get("reads") or entry.get("not") for entry in REFERENCE)
