"""Local store: lines InfluxDB has not accepted yet, lines it refused, lines kept without it."""

from jmxbridge.store.errors import (
    StoreDamaged,
    StoreError,
    StoreForeign,
    StoreFull,
    StoreLocked,
    StorePaused,
    StoreUnwritable,
)
from jmxbridge.store.intake import Intake
from jmxbridge.store.packed import Packed, gzipped
from jmxbridge.store.reader import Audit, StoreReader, Usage
from jmxbridge.store.store import Store
from jmxbridge.store.values import Batch, Counts, DeadLetter, DeadLine, Page

__all__ = [
    "Audit",
    "Batch",
    "Counts",
    "DeadLetter",
    "DeadLine",
    "Intake",
    "Packed",
    "Page",
    "Store",
    "StoreDamaged",
    "StoreError",
    "StoreForeign",
    "StoreFull",
    "StoreLocked",
    "StorePaused",
    "StoreReader",
    "StoreUnwritable",
    "Usage",
    "gzipped",
]
