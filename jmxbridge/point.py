"""Points: the values of one series at one instant, before they are encoded as line protocol."""

from collections.abc import Mapping
from dataclasses import dataclass

FieldValue = float | int | bool | str


class KeptTags(dict[str, str]):
    """Tags of one series, kept from poll to poll and never changed.

    `encoded` caches the part of a line that all its points share: the measurement, and with it the
    encoded series key.
    """

    __slots__ = ("encoded",)

    def __init__(self, tags: Mapping[str, str]) -> None:
        super().__init__(tags)
        self.encoded: tuple[str, str] | None = None


@dataclass(slots=True)  # not frozen: that would cost 1 us a point, more than the rest of making it
class Point:
    """Values of one series at one instant of the interval's grid; never changed once made.

    `time_ns` is nanoseconds since the Unix epoch. A field's Python type is its InfluxDB type:
    float, int (int64), bool or str; it must not depend on the observed value.
    """

    measurement: str
    tags: Mapping[str, str]
    fields: Mapping[str, FieldValue]
    time_ns: int
