"""Addresses, HOST:PORT, and their parts."""

import ipaddress
import re
from dataclasses import dataclass

from jmxbridge.config.text.problem import InvalidValue

_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252}[A-Za-z0-9_.])?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Address:
    """A host (name, IPv4, or IPv6 without brackets) and a TCP port."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse_address(text: str) -> Address:
    """Read `host:port`, `1.2.3.4:port` or `[v6]:port`; raises InvalidValue."""
    if "@" in text:
        raise InvalidValue("no user and password in an address: they have keys of their own")
    if "://" in text:
        raise InvalidValue(f'"{text}" is a URL; write host:port alone', text.index("://"))
    host, colon, port = text.rpartition(":")
    if not colon or port.endswith("]"):
        raise InvalidValue(f'"{text}" has no port: write host:port', len(text))
    if ":" in host and not host.startswith("["):
        raise InvalidValue(f'put an IPv6 address in brackets: "[{host}]:{port}"')
    return Address(parse_host(host), parse_port(port, len(host) + 1))


def parse_host(text: str) -> str:
    """Return the host without brackets; raises InvalidValue."""
    if text.startswith("[") or ":" in text:
        return _ipv6(text)
    if not _HOST.fullmatch(text):
        bad = re.search(r"[^A-Za-z0-9_.-]", text)
        message = f'"{text}" is not a host name' if text else "the host is missing"
        raise InvalidValue(message, bad.start() if bad else 0)
    return text


def parse_port(text: str, position: int = 0) -> int:
    """Return a TCP port, 1 to 65535; raises InvalidValue at `position`."""
    if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= 65535:
        message = f'"{text}" is not a TCP port (1 to 65535)' if text else "the port is missing"
        raise InvalidValue(message, position)
    return int(text)


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine, as far as its name tells."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")  # RFC 6761, section 6.3


def _ipv6(text: str) -> str:
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        ipaddress.IPv6Address(bare)
    except ValueError:
        raise InvalidValue(f'"{text}" is not an IPv6 address') from None
    return bare
