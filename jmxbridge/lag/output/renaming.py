"""Renaming of lag measurements, tags and fields, for dashboards made for another tool.

Rules:

1. A name is replaced as a whole, as the last step before writing, so the rest of the code knows one
   name for each thing.
2. Names that differ must still differ: no two measurements, and no two tags or fields of one
   measurement, may end up with the same name.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from jmxbridge.lag.output.points import GROUP, GROUP_STATE, PARTITION, SHARE, TOPIC
from jmxbridge.point import Point

_TAGS = {
    PARTITION: "cluster group topic partition",
    TOPIC: "cluster group topic",
    GROUP: "cluster group",
    GROUP_STATE: "cluster group",
    SHARE: "cluster group topic partition",
}
_FIELDS = {
    PARTITION: "offset end_offset stable_end_offset start_offset lag ahead expired lag_consumable"
    " status_code lag_seconds lag_seconds_min lag_seconds_approximate owner client_id host",
    TOPIC: "partitions partitions_known lag_sum lag_max offset_sum end_offset_sum"
    " stable_end_offset_sum lag_seconds_max lag_seconds_min status_code rate_in rate_out"
    " eta_seconds retention_risk_seconds open_transaction_seconds",
    GROUP: "partitions partitions_known partitions_uncommitted partitions_orphaned"
    " partitions_unavailable complete lag_sum lag_max lag_seconds_max lag_seconds_min status"
    " status_code client client_code client_worst client_age_seconds client_lag_max clients_polled"
    " open_transaction_seconds",
    GROUP_STATE: "state type kind members coordinator vanished expires_in_seconds",
    SHARE: "start_offset lag",
}
WRITTEN: Mapping[str, tuple[str, ...]] = {
    measurement: (*_TAGS[measurement].split(), *fields.split())
    for measurement, fields in _FIELDS.items()
}
"""Measurement → its tags and fields."""

NAMES = (*WRITTEN, *(f"{m}.{name}" for m, names in WRITTEN.items() for name in names))
"""Names that can be replaced: a measurement, or `MEASUREMENT.NAME` for a tag or field of one."""


@dataclass(frozen=True, slots=True)
class Clash:
    """`name`, one of NAMES, cannot have its new name: `other` has it."""

    name: str
    other: str


def clash(names: Mapping[str, str]) -> Clash | None:
    """Return two things that would share a name, None where there are none."""
    scopes = [dict.fromkeys(WRITTEN, "")]
    scopes += [dict.fromkeys(inner, f"{measurement}.") for measurement, inner in WRITTEN.items()]
    for scope in scopes:
        taken: dict[str, str] = {}
        for name, prefix in scope.items():
            key = prefix + name
            other = taken.setdefault(names.get(key, name), key)
            if other != key:
                return Clash(key, other) if key in names else Clash(other, key)
    return None


class _Renamed(Collection[Point]):
    def __init__(self, points: Collection[Point], rename: Callable[[Point], Point]) -> None:
        self._points = points
        self._rename = rename

    def __len__(self) -> int:
        return len(self._points)

    def __iter__(self) -> Iterator[Point]:
        return map(self._rename, self._points)

    def __contains__(self, item: object) -> bool:
        return any(point == item for point in self)


class Renaming:
    """Replaces names of points; `names` maps one of NAMES to its new name."""

    def __init__(self, names: Mapping[str, str] | None = None) -> None:
        names = names or {}
        self._measurements = {name: names.get(name, name) for name in WRITTEN}
        self._inner = {
            measurement: {name: names.get(f"{measurement}.{name}", name) for name in inner}
            for measurement, inner in WRITTEN.items()
            if names
        }

    def __call__(self, points: Collection[Point]) -> Collection[Point]:
        """Return the points under their new names; each is made when it is iterated."""
        return _Renamed(points, self.point) if self._inner else points

    def point(self, point: Point) -> Point:
        """Return one point under its new names."""
        inner = self._inner.get(point.measurement)
        if inner is None:
            return point
        return Point(
            self._measurements[point.measurement],
            {inner[name]: value for name, value in point.tags.items()},
            {inner[name]: value for name, value in point.fields.items()},
            point.time_ns,
        )
