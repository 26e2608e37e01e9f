"""HOST:PORT in all its forms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.config.text.problem import InvalidValue
from jmxbridge.config.values.address import (
    Address,
    is_loopback,
    parse_address,
    parse_host,
    parse_port,
)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9999", Address("127.0.0.1", 9999)),
        ("kafka_1.example.com:1", Address("kafka_1.example.com", 1)),
        ("[::1]:65535", Address("::1", 65535)),
    ],
)
def test_parse_address_reads(text: str, address: Address) -> None:
    """A name, IPv4, or IPv6 in brackets, each with a port."""
    assert parse_address(text) == address


@pytest.mark.parametrize(
    ("text", "message", "position"),
    [
        ("me:x@h:1", "no user and password in an address: they have keys of their own", 0),
        ("http://h:1", '"http://h:1" is a URL; write host:port alone', 4),
        ("host", '"host" has no port: write host:port', 4),
        ("[::1]", '"[::1]" has no port: write host:port', 5),
        ("::1:9", 'put an IPv6 address in brackets: "[::1]:9"', 0),
        (":9", "the host is missing", 0),
        ("h:", "the port is missing", 2),
        ("h:0", '"0" is not a TCP port (1 to 65535)', 2),
        ("h:65536", '"65536" is not a TCP port (1 to 65535)', 2),
        ("a b:9", '"a b" is not a host name', 1),
        ("[x]:9", '"[x]" is not an IPv6 address', 0),
    ],
)
def test_parse_address_refuses(text: str, message: str, position: int) -> None:
    """The error is at the character that is wrong, with the form to write."""
    with pytest.raises(InvalidValue) as caught:
        parse_address(text)

    assert (caught.value.message, caught.value.position) == (message, position)


@pytest.mark.parametrize("text", ["-h", "h-", "a/b", "é"])
def test_parse_host_refuses(text: str) -> None:
    """A host name has letters, digits, dots, hyphens and underscores, and no hyphen at an end."""
    with pytest.raises(InvalidValue):
        parse_host(text)


def test_parse_port_reports_its_position() -> None:
    """A port that is part of a longer text is pointed at there."""
    with pytest.raises(InvalidValue) as caught:
        parse_port("x", 7)

    assert caught.value.position == 7


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("a.localhost", True),
        ("10.0.0.1", False),
        ("kafka", False),
    ],
)
def test_is_loopback(host: str, loopback: bool) -> None:
    """Addresses by their range, names as RFC 6761 has them; other names count as remote."""
    assert is_loopback(host) is loopback


@given(
    st.one_of(
        st.ip_addresses().map(str), st.from_regex(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", fullmatch=True)
    ),
    st.integers(min_value=1, max_value=65535),
)
def test_address_reads_back(host: str, port: int) -> None:
    """An address written as text is read as the same address."""
    address = Address(host[:200].rstrip("-."), port)

    assert parse_address(str(address)) == address
