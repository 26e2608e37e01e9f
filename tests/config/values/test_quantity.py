"""Durations and sizes as people write them, and written again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.config.text.problem import InvalidValue
from jmxbridge.config.values.quantity import (
    format_duration,
    format_size,
    parse_duration,
    parse_size,
)

DURATIONS = [
    ("10s", 10.0),
    ("500ms", 0.5),
    ("2m", 120.0),
    ("1h", 3600.0),
    ("2d", 172_800.0),
    ("1.5h", 5400.0),
    ("1h30m", 5400.0),
    ("0.1s", 0.1),
    ("10.seconds", 10.0),
    ("2.days", 172_800.0),
    ("1.minute", 60.0),
    ("30 seconds", 30.0),
    ("0s", 0.0),
]

SIZES = [
    ("1GiB", 2**30),
    ("512MiB", 2**29),
    ("1.5KiB", 1536),
    ("100MB", 10**8),
    ("2 TB", 2 * 10**12),
    ("7B", 7),
]


@pytest.mark.parametrize(("text", "seconds"), DURATIONS)
def test_parse_duration_reads(text: str, seconds: float) -> None:
    """Numbers with units, KafkaOffsetMonitor's way of writing them included."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 0),
        ("10", 2),
        ("s", 0),
        ("-1s", 0),
        ("10S", 2),
        ("10 s s", 4),
        ("1h 30m", 2),
        ("1h30", 4),
        ("1e3s", 1),
        ("\u0661s", 0),
        ("9" * 400 + "s", 15),
    ],
)
def test_parse_duration_refuses(text: str, position: int) -> None:
    """The error is at the first character that does not fit."""
    with pytest.raises(InvalidValue) as caught:
        parse_duration(text)

    assert caught.value.position == position


@given(st.integers(min_value=1, max_value=10**12))
def test_duration_reads_back(millis: int) -> None:
    """A duration of whole milliseconds, written as text, is read as the same duration."""
    assert parse_duration(format_duration(millis / 1000)) == pytest.approx(millis / 1000, rel=1e-12)


@given(st.lists(st.sampled_from(["3d", "5h", "7m", "11s", "13ms"]), min_size=1))
def test_duration_is_the_sum_of_its_parts(parts: list[str]) -> None:
    """Parts add up in any order and number."""
    assert parse_duration("".join(parts)) == pytest.approx(sum(map(parse_duration, parts)))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(172_800.0, "2d"), (5400.0, "90m"), (1.0, "1s"), (0.25, "250ms"), (0.0005, "0.5ms")],
)
def test_format_duration(seconds: float, text: str) -> None:
    """The largest unit that divides it; fractions of a second in milliseconds."""
    assert format_duration(seconds) == text


@pytest.mark.parametrize(("text", "size"), SIZES)
def test_parse_size_reads(text: str, size: int) -> None:
    """Binary and decimal units, each with its own meaning."""
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("size", "text"), [(2**30, "1GiB"), (3 * 2**20, "3MiB"), (1025, "1025B"), (0, "0B")]
)
def test_format_size(size: int, text: str) -> None:
    """The largest binary unit that divides it."""
    assert format_size(size) == text


@pytest.mark.parametrize("text", ["", "1", "1G", "1gib", "-1MiB", "1GiB2", "GiB", "1 GiB "])
def test_parse_size_refuses(text: str) -> None:
    """A unit that could be either kind of giga is refused, as is none at all."""
    with pytest.raises(InvalidValue):
        parse_size(text)


@given(st.integers(min_value=0, max_value=10**15 - 1))
def test_size_reads_back(size: int) -> None:
    """A size written as text is read as the same size."""
    assert parse_size(format_size(size)) == size
