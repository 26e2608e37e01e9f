"""The MBeans of real JVMs, as they were recorded."""

import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.values import Composite, Value

# How long an example takes is the machine's affair, not the property's.
settings.register_profile("untimed", settings.get_profile("default"), deadline=None)
settings.load_profile("untimed")

BEANS = Path(__file__).parent / "beans"

# One value of each kind that was recorded. Floats are whole, as Kafka's counters are.
SAMPLES: Mapping[str, Value] = {
    "NoneType": None,
    "bool": True,
    "int": 7,
    "float": 7.0,
    "float(nan)": float("nan"),
    "float(inf)": float("inf"),
    "str": "leader",
    "list": (1, 2),
    "ObjectName": ObjectName.parse("a:b=c"),
    "object:javax.management.openmbean.CompositeDataSupport": Composite(
        {"init": 1, "used": 2, "committed": 3, "max": -1}
    ),
}


@dataclass(frozen=True, slots=True)
class RecordedMBean:
    """One MBean of a real JVM: which attributes it has, and a value of the kind each one had."""

    name: ObjectName
    attributes: tuple[str, ...]
    values: Mapping[str, Value]


def _mbean(entry: Mapping[str, Any]) -> RecordedMBean:
    kinds = {each["name"]: each["python_type_of_value"] for each in entry["attributes"]}
    values = {name: SAMPLES.get(kind, ()) for name, kind in kinds.items() if kind != "absent"}
    return RecordedMBean(ObjectName.parse(entry["name"]), tuple(kinds), values)


@pytest.fixture(scope="session")
def recorded() -> Callable[[str], list[RecordedMBean]]:
    """Return the MBeans of a recorded JVM, such as `broker-4.1.0`."""
    kept: dict[str, list[RecordedMBean]] = {}

    def read(what: str) -> list[RecordedMBean]:
        if what not in kept:
            text = gzip.decompress((BEANS / f"{what}.json.gz").read_bytes())
            kept[what] = [_mbean(entry) for entry in json.loads(text)]
        return kept[what]

    return read
