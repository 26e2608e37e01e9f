"""Parsing of JMX addresses."""

import pytest

from jmxbridge.jmx.connection import connect
from jmxbridge.jmx.net.service_url import ServiceAddress, parse
from jmxbridge.jmx.rmi.jrmp import Endpoint


@pytest.mark.parametrize(
    "text", ["host", "host:", ":1", "host:0", "host:65536", "::1:9", "service:jmx:rmi://host:1"]
)
def test_a_malformed_address_is_rejected_before_connecting(text: str) -> None:
    """Anything that is neither HOST:PORT nor a JMX service URL is a ValueError."""
    with pytest.raises(ValueError, match="neither HOST:PORT nor"):
        connect(text)


@pytest.mark.parametrize(
    ("text", "registry"),
    [
        ("[::1]:9999", "[::1]:9999"),
        ("service:jmx:rmi:///jndi/rmi://[::1]:9999/jmxrmi", "[::1]:9999"),
    ],
)
def test_ipv6_addresses_are_parsed(text: str, registry: str) -> None:
    """IPv6 addresses stand in brackets; the usual URL means the same as HOST:PORT."""
    assert parse(text) == ServiceAddress(Endpoint("::1", 9999))
    assert str(parse(text).registry) == registry


def test_a_url_can_name_the_address_of_the_server() -> None:
    """The first address of a service URL is that of the JMX server, the second the registry's."""
    url = "service:jmx:rmi://server-1:9998/jndi/rmi://host-1:9999/jmxrmi"
    assert parse(url) == ServiceAddress(Endpoint("host-1", 9999), Endpoint("server-1", 9998))
