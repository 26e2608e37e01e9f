"""Points encoded as line protocol, without those that cannot be written.

Rule: a field that cannot be written costs its point no other field, and a point that cannot be
written costs no other point. Each one is counted, and each kind of it is logged once.
"""

import logging
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace

from jmxbridge.influx.line_protocol import encode, series_key
from jmxbridge.influx.series import SeriesBound
from jmxbridge.point import FieldValue, Point

log = logging.getLogger(__name__)

MAX_KINDS = 64
"""Kinds of rejections that are logged: points have few measurements and few kinds of faults."""


class RejectedPoints:
    """Count of points that were not written, or not with all their fields."""

    def __init__(self) -> None:
        self.count = 0
        self._kinds: set[str] = set()

    def note(self, point: Point, why: ValueError) -> None:
        """Count a rejected point; log the reason if its kind is new."""
        self.count += 1
        kind = re.sub(r"\d+", "#", f"{point.measurement}: {why}")
        if kind not in self._kinds and len(self._kinds) < MAX_KINDS:
            self._kinds.add(kind)
            log.error("a point of %s cannot be written: %s", point.measurement, why)


def encode_points(
    points: Iterable[Point],
    bound: SeriesBound | None = None,
    rejected: RejectedPoints | None = None,
) -> list[bytes]:
    """Encode points as lines, without those of series that the bound does not admit."""
    rejected = rejected or RejectedPoints()
    lines: list[bytes] = []
    for point in points:
        try:
            key = series_key(point)
            if bound is None or bound.admits(point.measurement, key):
                lines.append(encode(point, key))
        except ValueError as exc:
            rejected.note(point, exc)
            with suppress(ValueError):  # the point itself, or all its fields together
                lines.append(encode(replace(point, fields=writable_fields(point))))
    return lines


def writable_fields(point: Point) -> dict[str, FieldValue]:
    """Return the fields of a point that can be written on their own."""
    fields: dict[str, FieldValue] = {}
    for name, value in point.fields.items():
        with suppress(ValueError):
            encode(replace(point, fields={name: value}))
            fields[name] = value
    return fields
