"""What a field is measured in, and how to measure it in something else.

Names end in their unit: `_ms`, `_bytes`, `_ratio`, `_rate` (a second), `_total` (a count since the
start). Where a name does not, its rule says the unit. `1` is a number of things.
"""

from collections.abc import Mapping

# Of each kind of quantity: how many of its smallest unit make one of these.
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
    """Return the factor from one unit to another; None where they measure different things."""
    for quantity in QUANTITIES:
        if given in quantity and wanted in quantity:
            return quantity[given] / quantity[wanted]
    return None


def unit_of(name: str) -> str | None:
    """Return the unit that a field's name ends in; None where it says none."""
    words = name.split("_")
    things = "B" if "bytes" in words else "1"
    if name.endswith("_per_hour"):
        return f"{things}/h"
    if words[-1] == "rate":
        return f"{things}/s"
    found = _ENDINGS.get(words[-1])
    return things if found == "1" else found
