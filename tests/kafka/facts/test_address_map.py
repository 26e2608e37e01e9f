"""AddressMap: addresses to connect to in place of advertised ones."""

import pytest

from jmxbridge.kafka.facts.address_map import AS_ADVERTISED, AddressMap, HostPort, normalized


@pytest.mark.parametrize(
    ("address", "spelling"),
    [
        (("Kafka-1.Internal", 9092), ("kafka-1.internal", 9092)),
        (("0:0::1", 9092), ("::1", 9092)),
        (("127.0.0.1", 9092), ("127.0.0.1", 9092)),
    ],
)
def test_normalized_gives_one_spelling(address: HostPort, spelling: HostPort) -> None:
    """Names have no case, and an IPv6 address has many forms."""
    assert normalized(address) == spelling


@pytest.mark.parametrize(
    ("host", "port", "reached_at"),
    [
        ("kafka-1.internal", 9092, ("127.0.0.1", 19092)),
        ("KAFKA-1.internal", 9092, ("127.0.0.1", 19092)),
        ("kafka-1.internal", 9093, None),
        ("127.0.0.1", 19092, None),
    ],
)
def test_get_finds_an_address_however_it_is_spelt(
    host: str, port: int, reached_at: HostPort | None
) -> None:
    """Host and port both count; a reachable address is not mapped again."""
    addresses = AddressMap({("Kafka-1.internal", 9092): ("127.0.0.1", 19092)})

    assert addresses.get(host, port) == reached_at


def test_an_empty_map_changes_nothing() -> None:
    """Brokers are reached where they say."""
    assert AS_ADVERTISED.get("kafka-1", 9092) is None
