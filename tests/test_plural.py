"""Numbers with their noun."""

import pytest

from jmxbridge.plural import counted


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 groups"), (1, "1 group"), (2, "2 groups"), (1234, "1,234 groups")]
)
def test_counted_adds_an_s_except_for_one(number: int, text: str) -> None:
    """Thousands are separated by commas."""
    assert counted(number, "group") == text
