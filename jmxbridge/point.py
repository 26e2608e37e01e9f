"""A point: what one poll says about one entity, before it is frozen into line protocol."""

from collections.abc import Mapping
from dataclasses import dataclass

FieldValue = float | int | bool | str


class KeptTags(dict[str, str]):
    """Tags of one series, kept from poll to poll and never changed.

    `frozen` is for whoever freezes its points: what is the same in each of them.
    """

    __slots__ = ("frozen",)

    def __init__(self, tags: Mapping[str, str]) -> None:
        super().__init__(tags)
        self.frozen: tuple[str, str] | None = None


@dataclass(slots=True)  # to freeze one takes 1 us, more than all else about it: never change it
class Point:
    """Values of one series at one instant of the interval's grid.

    `time_ns` is nanoseconds since the Unix epoch. A field's Python type is its InfluxDB type:
    float, int (int64), bool or str; it must not depend on the value observed.
    """

    measurement: str
    tags: Mapping[str, str]
    fields: Mapping[str, FieldValue]
    time_ns: int
