"""Checks of `kafka.advertised`: two entries for one address, and two that lead to one place."""

from jmxbridge.config.model.location import Path
from jmxbridge.config.model.model_reader import ModelReader
from jmxbridge.config.text.problem import InvalidValue
from jmxbridge.config.text.tree import Mapping, Scalar
from jmxbridge.config.values.address import parse_address
from jmxbridge.kafka.facts.address_map import HostPort, normalized


def check_advertised(reader: ModelReader, section: Mapping, path: Path) -> None:
    """Report an advertised address that is there twice, and a reachable one of two brokers.

    With TLS two brokers may be reached at one address: the name in the TLS handshake (SNI) tells a
    proxy which of them is meant.
    """
    entry = section.get("advertised")
    if entry is None or not isinstance(entry.value, Mapping):
        return
    path = (*path, "advertised")
    advertised: dict[HostPort, str] = {}
    reachable: dict[HostPort, str] = {}
    has_tls = section.get("tls") is not None
    for item in entry.value.entries:
        key, item_path = item.key, (*path, item.key.text)
        if (address := _address(key.text)) is not None:
            if address in advertised:
                reader.add(key, item_path, f'the same address as "{advertised[address]}": keep one')
                continue
            advertised[address] = key.text
        text = reader.text(item.value) if isinstance(item.value, Scalar) else None
        if has_tls or text is None or (address := _address(text)) is None:
            continue
        if address in reachable:
            message = f'leads to the broker at "{reachable[address]}" too: without TLS only one can'
            reader.add(item.value, item_path, f"{message} be there")
        reachable.setdefault(address, key.text)


def _address(text: str) -> HostPort | None:
    """Return an address as it compares; None for a text that is none, which is reported already."""
    try:
        address = parse_address(text)
    except InvalidValue:
        return None
    return normalized((address.host, address.port))
