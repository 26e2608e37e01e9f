"""Durations and sizes: `10s`, `1h30m`, `512MiB`.

A duration is one or more numbers with units: `10s`, `500ms`, `1h30m`, `1.5 h`. A dot or a space may
precede the unit, and units may be words, so KafkaOffsetMonitor's `10.seconds` and `2.days` work
unchanged. A unit is never left out: `10` could be anything.
"""

import re

from jmxbridge.config.text.problem import InvalidValue

_SECONDS = {
    "ms": 0.001,
    "millis": 0.001,
    "millisecond": 0.001,
    "milliseconds": 0.001,
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "seconds": 1.0,
    "m": 60.0,
    "min": 60.0,
    "minute": 60.0,
    "minutes": 60.0,
    "h": 3600.0,
    "hour": 3600.0,
    "hours": 3600.0,
    "d": 86400.0,
    "day": 86400.0,
    "days": 86400.0,
}
_BYTES = {
    "B": 1,
    "kB": 10**3,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
_PART = re.compile(r"(?P<number>\d{1,15}(?:\.\d{1,9})?)(?P<gap>[. ]?)(?P<unit>[A-Za-z]*)", re.ASCII)


def parse_duration(text: str) -> float:
    """Return seconds; raises InvalidValue."""
    total = 0.0
    position = 0
    while position < len(text):
        part = _PART.match(text, position)
        if part is None or part["unit"] not in _SECONDS:
            wrong = position if part is None else part.start("unit")
            if part is not None and part[0] == text and not part["unit"]:
                raise InvalidValue(f'"{text}" has no unit: write {part["number"]}s', wrong)
            raise InvalidValue(f'"{text}" is not a duration: write 500ms, 10s, 2m, 1h or 2d', wrong)
        total += float(part["number"]) * _SECONDS[part["unit"]]
        position = part.end()
    if not text:
        raise InvalidValue("a duration is missing: write 500ms, 10s, 2m, 1h or 2d")
    # Rounded to the microsecond because the parts are binary fractions: 0.1s0.2s is 0.3 s.
    return round(total, 6)


def format_duration(seconds: float) -> str:
    """Return seconds as text that reads back as the same duration, in the largest unit."""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        if seconds >= size and seconds % size == 0:
            return f"{int(seconds // size)}{unit}"
    millis = round(seconds * 1000, 3)
    return f"{millis:.3f}".rstrip("0").rstrip(".") + "ms"


def parse_size(text: str) -> int:
    """Return bytes; raises InvalidValue."""
    part = _PART.fullmatch(text)
    if part is None or part["unit"] not in _BYTES:
        wrong = 0 if part is None else part.start("unit")
        raise InvalidValue(f'"{text}" is not a size: write 512MiB or 1GiB (or MB, GB)', wrong)
    return int(float(part["number"]) * _BYTES[part["unit"]])


def format_size(size: int) -> str:
    """Return bytes as text, in the largest binary unit that divides them."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if size >= _BYTES[unit] and size % _BYTES[unit] == 0:
            return f"{size // _BYTES[unit]}{unit}"
    return f"{size}B"
