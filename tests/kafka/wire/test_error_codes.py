"""Error codes: their numbers and names, by kio's copy of Kafka's list."""

import pytest
from kio.schema.errors import ErrorCode

from jmxbridge.kafka.wire import error_codes
from jmxbridge.kafka.wire.error_codes import error_name

CODES = {name: code for name, code in vars(error_codes).items() if name.isupper()}


@pytest.mark.parametrize("name", CODES)
def test_constants_have_kafkas_numbers(name: str) -> None:
    """Each constant is the code that Kafka gives this name."""
    assert ErrorCode[name.lower()].value == CODES[name]


def test_error_name_has_name_and_code() -> None:
    """People search for the name, Kafka's sources have the code."""
    assert error_name(30) == "GROUP_AUTHORIZATION_FAILED (30)"


def test_error_name_of_an_unknown_code_is_the_code() -> None:
    """Brokers younger than kio may send any code."""
    assert error_name(1234) == "error 1234"
