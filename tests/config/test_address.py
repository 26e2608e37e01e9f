"""HOST:PORT in all its spellings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.config.address import Address, JmxAddress, parse_address, parse_jmx_address
from jmxbridge.config.malformed import Malformed


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
    ],
)
def test_reads(text: str, address: JmxAddress) -> None:
    """Names, IPv4, IPv6 in brackets, and the long form, that of both ends too."""
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
        "http://host:9999",
        "service:jmx:rmi://host:9999",
        "service:jmx:rmi:///jndi/rmi://host:9999/karaf-root",
        "service:jmx:rmi:///jndi/rmi://host/jmxrmi",
        "service:jmx:rmi://host/jndi/rmi://host:9999/jmxrmi",
    ],
)
def test_refuses(text: str) -> None:
    """Everything else is refused at a character of the text or right behind it."""
    with pytest.raises(Malformed) as caught:
        parse_jmx_address(text)

    assert 0 <= caught.value.position <= len(text)


@given(
    st.one_of(
        st.ip_addresses().map(str), st.from_regex(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", fullmatch=True)
    ),
    st.integers(min_value=1, max_value=65535),
)
def test_reads_what_it_writes(host: str, port: int) -> None:
    """An address written down is read as the same address."""
    address = Address(host[:200].rstrip("-."), port)

    assert parse_address(str(address)) == address
