"""Checks that need two sections."""

from collections.abc import Callable

import pytest

FindProblems = Callable[..., list[str]]

INFLUXDB = "influxdb: {url: 'http://i:1', bucket: b}\n"
RULES = (
    "mbeans: {jvm: [{bean: 'java.lang:type=Runtime', measurement: jvm, fields: {Uptime: up}}]}\n"
)


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("store: {when_full: pause}\n", True),
        ("store: {when_full: drop_oldest}\n", False),
        ("store: {retain: 2d}\n", False),
        ("store: {when_full: pause}\n" + INFLUXDB, False),
    ],
)
def test_pause_needs_influxdb(text: str, refused: bool, problems: FindProblems) -> None:
    """Without InfluxDB a full store stays full, and polls would never go on."""
    message = "store.when_full: pause needs an influxdb section: without one nothing makes room"

    assert problems(text) == ([message] if refused else [])


def test_pause_that_is_a_list_is_reported_once(problems: FindProblems) -> None:
    """The wrong type is the only problem."""
    assert len(problems("store: {when_full: [pause]}\n")) == 1


@pytest.mark.parametrize("kafka", [True, False])
def test_discovery_needs_kafka(kafka: bool, problems: FindProblems) -> None:
    """The brokers of a cluster are asked for at its bootstrap; other targets need none."""
    text = (
        "targets:\n  - {name: a, jmx: 'a:1', collect: jvm}\n"
        "  - {discover: kafka, jmx_port: 9999, collect: jvm}\n"
    )

    assert problems(RULES + text, kafka=kafka) == (
        []
        if kafka
        else ["targets[1].discover: needs kafka: its bootstrap is asked for the brokers"]
    )
