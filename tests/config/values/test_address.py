"""HOST:PORT in all its spellings."""

from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.config.values.address import Address, parse_address


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
