"""Units of fields, and the conversion between them.

Names end in their unit: `_ms`, `_bytes`, `_ratio`, `_rate` (per second), `_total` (a count since
the start). If a name does not, its rule has the unit. `1` is a plain number.
"""

from collections.abc import Mapping

# Units of each quantity, in multiples of its smallest unit.
_NANOSECONDS: Mapping[str, float] = {
    "ns": 1,
    "us": 1e3,
    "ms": 1e6,
    "s": 1e9,
    "min": 60e9,
    "h": 3600e9,
    "d": 86400e9,
}
_BYTES: Mapping[str, float] = {
    "B": 1,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
}
_SHARES: Mapping[str, float] = {"%": 1, "ratio": 100}
QUANTITIES = (_NANOSECONDS, _BYTES, _SHARES)
UNITS = tuple(unit for quantity in QUANTITIES for unit in quantity)

_ENDINGS = {
    "ns": "ns",
    "us": "us",
    "ms": "ms",
    "seconds": "s",
    "bytes": "B",
    "ratio": "ratio",
    "percent": "%",
    "total": "1",
    "count": "1",
    "epoch": "1",
    "offset": "1",
    "state": "state",
    "version": "text",
}


def conversion(given: str, wanted: str) -> float | None:
    """Return the factor from one unit to another; None if they measure different quantities."""
    for quantity in QUANTITIES:
        if given in quantity and wanted in quantity:
            return quantity[given] / quantity[wanted]
    return None


def unit_of(name: str) -> str | None:
    """Return the unit at the end of a field's name; None if it has none."""
    words = name.split("_")
    plain = "B" if "bytes" in words else "1"
    if name.endswith("_per_hour"):
        return f"{plain}/h"
    if words[-1] == "rate":
        return f"{plain}/s"
    unit = _ENDINGS.get(words[-1])
    return plain if unit == "1" else unit
