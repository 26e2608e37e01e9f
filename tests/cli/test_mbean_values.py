"""Values of a JVM as JSON, and as text for people."""

from datetime import UTC, datetime
from typing import Any

import pytest

from jmxbridge.cli.mbean_values import plain, shown
from jmxbridge.jmx.object_name import ObjectName

INSTANT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (7, 7),
        (1.5, 1.5),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        ("text", "text"),
        (INSTANT, "2026-03-01T12:00:00+00:00"),
        (ObjectName.parse("a:type=B"), "a:type=B"),
        ({"used": 1, "inner": {"max": float("inf")}}, {"used": 1, "inner": {"max": "inf"}}),
        ((1, ("a", None)), [1, ["a", None]]),
        (b"\x00", "b'\\x00'"),
    ],
)
def test_plain_converts_to_json(value: Any, expected: Any) -> None:
    """NaN and infinities, which JSON does not have, and unknown types become text."""
    assert plain(value) == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [("größe", "größe"), (7, "7"), (None, "null"), ({"a": ["ü"]}, '{"a": ["ü"]}')],
)
def test_shown_quotes_only_structures(value: Any, text: str) -> None:
    """Text is shown without quotes, everything else as JSON."""
    assert shown(value) == text
