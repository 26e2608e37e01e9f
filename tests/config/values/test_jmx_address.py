"""Forms of a JMX address, and the URL of an agent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.config.text.problem import InvalidValue
from jmxbridge.config.values.address import Address
from jmxbridge.config.values.jmx_address import JmxAddress, parse_jmx_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9999", JmxAddress("127.0.0.1", 9999)),
        ("broker-1.example.com:1", JmxAddress("broker-1.example.com", 1)),
        ("kafka_1:65535", JmxAddress("kafka_1", 65535)),
        ("[::1]:9999", JmxAddress("::1", 9999)),
        ("[fe80::1%eth0]:9999", JmxAddress("fe80::1%eth0", 9999)),
        ("service:jmx:rmi:///jndi/rmi://b:9999/jmxrmi", JmxAddress("b", 9999)),
        ("service:jmx:rmi:///jndi/rmi://[::1]:9999/jmxrmi", JmxAddress("::1", 9999)),
        (
            "service:jmx:rmi://[::2]:9998/jndi/rmi://b:9999/jmxrmi",
            JmxAddress("b", 9999, Address("::2", 9998)),
        ),
        (
            "http://kafka-1:8778/jolokia/",
            JmxAddress("kafka-1", 8778, url="http://kafka-1:8778/jolokia"),
        ),
        ("https://[::1]/x", JmxAddress("::1", 443, url="https://[::1]/x")),
        ("HTTP://h", JmxAddress("h", 80, url="HTTP://h")),
    ],
)
def test_parse_jmx_address_reads(text: str, address: JmxAddress) -> None:
    """Names, IPv4, IPv6 in brackets, the long form with one and with two addresses, and URLs."""
    assert parse_jmx_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "host",
        "host:",
        ":9999",
        "host:0",
        "host:65536",
        "host:+1",
        "host:99 ",
        "host:\u0661",
        "::1:9999",
        "[::1]",
        "[::1]9999",
        "[host]:9999",
        "a/b:9999",
        "-host:9999",
        "http://",
        "http://host:0",
        "http://host:99999/jolokia",
        "https://[host]/jolokia",
        "https://me:secret@host/jolokia",
        "https://host/jolokia?a=b",
        "ftp://host:9999",
        "service:jmx:rmi://host:9999",
        "service:jmx:rmi:///jndi/rmi://host:9999/karaf-root",
        "service:jmx:rmi:///jndi/rmi://host/jmxrmi",
        "service:jmx:rmi://host/jndi/rmi://host:9999/jmxrmi",
    ],
)
def test_parse_jmx_address_refuses(text: str) -> None:
    """The error is at a character of the text, or right after it."""
    with pytest.raises(InvalidValue) as caught:
        parse_jmx_address(text)

    assert 0 <= caught.value.position <= len(text)


@pytest.mark.parametrize(
    ("text", "tls", "url"),
    [
        ("kafka-1:8778", False, "http://kafka-1:8778/jolokia/"),
        ("kafka-1:8778", True, "https://kafka-1:8778/jolokia/"),
        ("[::1]:8778", False, "http://[::1]:8778/jolokia/"),
        ("https://kafka-1:8778", True, "https://kafka-1:8778/jolokia/"),
        ("https://kafka-1:8778/", True, "https://kafka-1:8778/jolokia/"),
        ("http://kafka-1/actuator/jolokia", False, "http://kafka-1/actuator/jolokia/"),
    ],
)
def test_agent_url(text: str, tls: bool, url: str) -> None:
    """The usual path, unless a URL has another; https with TLS."""
    assert parse_jmx_address(text).agent_url(tls=tls) == url


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (JmxAddress("h", 1), "h:1"),
        (JmxAddress("h", 1, Address("::1", 2)), "service:jmx:rmi://[::1]:2/jndi/rmi://h:1/jmxrmi"),
        (JmxAddress("h", 1, url="http://h:1/j"), "http://h:1/j"),
    ],
)
def test_address_as_text(address: JmxAddress, text: str) -> None:
    """The form that the file may have, as short as it can be."""
    assert str(address) == text


@given(st.sampled_from(["h", "::1"]), st.integers(1, 65535), st.booleans(), st.booleans())
def test_address_reads_back(host: str, port: int, has_server: bool, has_url: bool) -> None:
    """An address written as text is read as the same address, in each form."""
    place = Address(host, port)
    server, url = (place, None) if has_server else (None, f"https://{place}/a")
    address = JmxAddress(host, port, server, url if has_url else None)

    assert parse_jmx_address(str(address)) == address
