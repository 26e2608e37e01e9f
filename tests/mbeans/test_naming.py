"""Key properties in names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.mbeans.naming import fill, snake_case


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MessagesInPerSec", "messages_in_per_sec"),
        ("UnderReplicatedPartitions", "under_replicated_partitions"),
        ("ISRShrinksPerSec", "isr_shrinks_per_sec"),
        ("TotalTimeMs", "total_time_ms"),
        ("records-lag-max", "records_lag_max"),
        ("G1 Young Generation", "g1_young_generation"),
        ("CodeHeap 'non-nmethods'", "code_heap_non_nmethods"),
        ("99thPercentile", "99th_percentile"),
        ("P99Latency", "p99_latency"),
        ("already_snake", "already_snake"),
        ("topic.with..dots", "topic_with_dots"),
        ("ÄpfelUndBirnen", "äpfel_und_birnen"),
        ("日本", "日本"),
        ("*", "unnamed"),
        ("", "unnamed"),
    ],
)
def test_snake_case_of_words_and_digits(text: str, expected: str) -> None:
    """Lower case with underscores between words; digits stay with their word."""
    assert snake_case(text) == expected


@given(st.text())
def test_snake_case_is_a_name(text: str) -> None:
    """For every text: no underscore at an end, no two together, never empty, no spaces."""
    name = snake_case(text)

    assert name
    assert snake_case(name) == name
    assert name == "_".join(word for word in name.split("_") if word)
    assert not any(char.isspace() or char in ',="\\' for char in name)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{name}_total", "messages_in_per_sec_total"),
        ("p99_{name}_{type}", "p99_messages_in_per_sec_t"),
        ("plain", "plain"),
        ("{quoted}", "a_b_c"),
        ("{=name}.Count", "MessagesInPerSec.Count"),
        ("{=quoted}", 'a,b="c"'),
        ("{=absent}", "unnamed"),
    ],
)
def test_fill_replaces_key_properties(template: str, expected: str) -> None:
    """{key} becomes the key property in snake_case, unquoted; {=key} stays unchanged."""
    name = ObjectName.parse('a:type=T,name=MessagesInPerSec,quoted="a,b=\\"c\\""')

    assert fill(template, name.value) == expected
