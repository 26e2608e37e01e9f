"""Addresses to connect to in place of those that brokers advertise: tunnels and port-forwards.

Kafka sends clients to the addresses in `advertised.listeners`. Where one of them leads nowhere from
here, the map has an address that does lead to that broker.
"""

import ipaddress
from collections.abc import Mapping

HostPort = tuple[str, int]
"""A host (name, IPv4, or IPv6 without brackets) and a TCP port."""


def normalized(address: HostPort) -> HostPort:
    """Return one spelling of an address: names in lower case, IPv6 addresses compressed."""
    host, port = address
    try:
        return str(ipaddress.ip_address(host)), port
    except ValueError:
        return host.lower(), port


class AddressMap:
    """Reachable addresses by advertised address, however the latter is spelt."""

    def __init__(self, addresses: Mapping[HostPort, HostPort] = {}) -> None:
        self._addresses = {normalized(old): new for old, new in addresses.items()}

    def get(self, host: str, port: int) -> HostPort | None:
        """Return the address to connect to; None where the advertised one is not in the map."""
        return self._addresses.get(normalized((host, port)))


AS_ADVERTISED = AddressMap()
