"""Checks of kafka.advertised; `broken/advertised.yaml` has the messages."""

from collections.abc import Callable

import pytest

from jmxbridge.config.model.models import Settings
from jmxbridge.config.text.problem import ConfigError
from jmxbridge.config.values.address import Address

MakeSettings = Callable[..., Settings]

SAME_PLACE = "{kafka-1:9092: 'proxy:443', kafka-2:9092: 'proxy:443'}"


def test_two_brokers_may_be_behind_one_address_with_tls(settings: MakeSettings) -> None:
    """The name in the TLS handshake tells a proxy which of them is meant."""
    text = f"kafka: {{bootstrap: 'kafka-1:9092', advertised: {SAME_PLACE}, tls: {{}}}}\n"

    kafka = settings(text, kafka=False).kafka

    assert kafka is not None
    assert kafka.advertised == {
        "kafka-1:9092": Address("proxy", 443),
        "kafka-2:9092": Address("proxy", 443),
    }
    assert kafka.address_map.get("KAFKA-2", 9092) == ("proxy", 443)


def test_two_brokers_at_one_address_are_refused_without_tls(settings: MakeSettings) -> None:
    """One of them would be taken for the other."""
    text = f"kafka: {{bootstrap: 'kafka-1:9092', advertised: {SAME_PLACE}}}\n"

    with pytest.raises(ConfigError, match='leads to the broker at "kafka-1:9092" too'):
        settings(text, kafka=False)


@pytest.mark.parametrize(("host", "is_warned"), [("127.0.0.1", False), ("10.0.0.1", True)])
def test_a_login_is_exposed_where_it_really_goes(
    host: str,
    is_warned: bool,
    settings: MakeSettings,
) -> None:
    """A tunnel that begins on this machine shows no password to the network."""
    text = (
        "kafka:\n"
        "  bootstrap: kafka-1:9092\n"
        f"  advertised: {{kafka-1:9092: '{host}:19092'}}\n"
        "  sasl: {mechanism: PLAIN, username: ann, password: '${PASSWORD}'}\n"
    )

    made = settings(text, environ={"PASSWORD": "x"}, kafka=False)

    assert [f"on the way to {host}:19092" in str(warning) for warning in made.warnings] == (
        [True] if is_warned else []
    )
