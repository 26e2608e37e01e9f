"""Templates for names and ports of discovered brokers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.config.text.problem import InvalidValue
from jmxbridge.config.values.broker_templates import (
    BrokerTemplate,
    parse_broker_name,
    parse_broker_port,
)


@pytest.mark.parametrize(
    ("template", "port"),
    [("9999", 9999), ("{id+9998}", 10_001), ("1{port}", 19092), ("{port-93}", 8999)],
)
def test_port_may_depend_on_id_or_port(template: str, port: int) -> None:
    """Brokers that share a host have a JMX port each."""
    assert parse_broker_port(template).fill(3, 9092) == str(port)


def test_name_depends_on_id() -> None:
    """Each broker is a target with a name of its own; the template is shown as written."""
    template = parse_broker_name("kafka-{id}")

    assert template.fill(7, 9092) == "kafka-7"
    assert str(template) == "kafka-{id}"


@pytest.mark.parametrize(
    ("text", "message", "position"),
    [
        ("kafka", "needs {id}: each broker is a target of its own", 0),
        ("kafka-{port}", "needs {id}: each broker is a target of its own", 0),
        ("kafka-{name}", "only {id} and {port} can be in braces here", 6),
        ("", "is empty", 0),
    ],
)
def test_parse_broker_name_refuses(text: str, message: str, position: int) -> None:
    """Brokers with one name would be one target."""
    with pytest.raises(InvalidValue) as caught:
        parse_broker_name(text)

    assert (caught.value.message, caught.value.position) == (message, position)


@pytest.mark.parametrize("text", ["x", "0", "99999", "{id}x", "{port+90000}"])
def test_parse_broker_port_refuses(text: str) -> None:
    """A text that gives no TCP port for a first broker gives none for others."""
    with pytest.raises(InvalidValue):
        parse_broker_port(text)


@given(st.integers(0, 10**6), st.integers(1, 65535), st.integers(-99_999, 99_999))
def test_offset_is_added(broker: int, port: int, offset: int) -> None:
    """A number after id or port is added to it, with its sign."""
    filled = BrokerTemplate(f"{{id{offset:+}}}/{{port{offset:+}}}").fill(broker, port)
    assert filled == f"{broker + offset}/{port + offset}"
