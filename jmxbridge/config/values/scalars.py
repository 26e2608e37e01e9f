"""Field types of settings, for pydantic.

Every value of the file arrives as text, a list or a mapping (`config.text.tree`). A validator here
turns a text into the type that its key wants, or into an error at one character of it. Values that
are not text pass through, so that code can make settings too.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_core import PydanticCustomError

from jmxbridge.config.text.problem import InvalidValue
from jmxbridge.config.values.address import (
    Address,
    parse_address,
    parse_host,
    parse_port,
)
from jmxbridge.config.values.grammar import (
    parse_aws_region,
    parse_boolean,
    parse_certificate_path,
    parse_count,
    parse_header_secret,
    parse_header_text,
    parse_influx_name,
    parse_lag_name,
    parse_number,
    parse_object_name,
    parse_path,
    parse_pem_path,
    parse_regex,
    parse_secret,
    parse_tag_name,
    parse_template,
    parse_text,
    parse_url,
)
from jmxbridge.config.values.jmx_address import JmxAddress, parse_jmx_address
from jmxbridge.config.values.quantity import (
    format_duration,
    format_size,
    parse_duration,
    parse_size,
)
from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.lag.output.renaming import clash

# A poll of a remote JVM takes tens of milliseconds, so shorter intervals measure the poller. Tests
# and demonstrations want several polls a second, so the limit is not a whole second.
MIN_INTERVAL_S = 0.1
MAX_INTERVAL_S = 86_400.0  # one day
# Ten years: beyond any retention, within what nanoseconds in 64 bits can hold.
MAX_DURATION_S = 3650 * 86_400.0
# One poll of a large cluster is a few MiB: a smaller store could not hold it.
MIN_STORE_BYTES = 2**20
MAX_STORE_BYTES = 2**40
_GOT = {dict: "a mapping", list: "a list"}


INVALID_VALUE = "invalid_value"
"""Type of the pydantic error that carries an `InvalidValue`."""


def as_pydantic_error(error: InvalidValue, key: str | None = None) -> PydanticCustomError:
    """Carry an error through pydantic; `key` is the entry of a mapping that it is about."""
    context = {
        "message": error.message,
        "position": error.position,
        "suggestion": error.suggestion,
        "key": key,
    }
    return PydanticCustomError(INVALID_VALUE, "{message}", context)


def read(parse: Callable[[str], Any], wants: str) -> BeforeValidator:
    """Return a validator that parses a text; its error for anything else tells what it `wants`."""

    def validate(value: object) -> object:
        if isinstance(value, (dict, list)):
            raise as_pydantic_error(InvalidValue(f"wants {wants}, got {_GOT[type(value)]}"))
        if not isinstance(value, str):
            return value
        try:
            return parse(value)
        except InvalidValue as error:
            raise as_pydantic_error(error) from None

    return BeforeValidator(validate)


def between(parse: Callable[[str], Any], least: Any, most: Any, show: Callable[[Any], str]) -> Any:
    """Return a parser that refuses values out of bounds, which `show` writes."""

    def parse_bounded(text: str) -> Any:
        value = parse(text)
        if not least <= value <= most:
            raise InvalidValue(f"{text} is not between {show(least)} and {show(most)}")
        return value

    return parse_bounded


def _one_or_many(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _bootstrap(value: object) -> object:
    """Read a list, or one text with commas as Kafka's own tools take it."""
    if not isinstance(value, str):
        return value
    addresses, start = [], 0
    for piece in value.split(","):
        indent = len(piece) - len(piece.lstrip())
        try:
            addresses.append(parse_address(piece.strip()))
        except InvalidValue as error:
            position = start + indent + error.position
            raise as_pydantic_error(InvalidValue(error.message, position)) from None
        start += len(piece) + 1
    return tuple(addresses)


def _checked_address(text: str) -> str:
    """Return the text of an address as it is written; raises InvalidValue."""
    parse_address(text)
    return text


def _without_clash(names: Mapping[str, str]) -> Mapping[str, str]:
    same = clash(names)
    if same is not None:
        message = f'"{names[same.name]}" is already the name of {same.other}'
        raise as_pydantic_error(InvalidValue(message), same.name)
    return names


one_or_many = BeforeValidator(_one_or_many)

Text = Annotated[str, read(parse_text, "text")]
Boolean = Annotated[bool, read(parse_boolean, "true or false")]
Number = Annotated[float, read(parse_number, "a number")]
Count = Annotated[int, read(parse_count, "a whole number")]
Regex = Annotated[str, read(parse_regex, "a regular expression")]
Url = Annotated[str, read(parse_url, "a URL")]
FilePath = Annotated[Path, read(parse_path, "a path")]
CertificatePath = Annotated[Path, read(parse_certificate_path, "a path")]
PemPath = Annotated[Path, read(parse_pem_path, "a path")]
Secret = Annotated[SecretStr, read(parse_secret, "text")]
HeaderSecret = Annotated[SecretStr, read(parse_header_secret, "text")]
HeaderText = Annotated[str, read(parse_header_text, "text")]
AwsRegion = Annotated[str, read(parse_aws_region, "text")]
Host = Annotated[str, read(parse_host, "a host name or address")]
Port = Annotated[int, read(parse_port, "a TCP port")]
BrokerAddress = Annotated[Address, read(parse_address, "host:port")]
BootstrapList = Annotated[
    tuple[BrokerAddress, ...],
    Field(min_length=1),
    BeforeValidator(_bootstrap),
]
AdvertisedAddresses = Mapping[
    Annotated[str, read(_checked_address, "host:port")],
    BrokerAddress,
]
JmxAddressText = Annotated[JmxAddress, read(parse_jmx_address, "host:port")]
Pattern = Annotated[ObjectName, read(parse_object_name, "an ObjectName")]
InfluxName = Annotated[str, read(parse_influx_name, "a name")]
LagNames = Annotated[
    Mapping[Annotated[str, read(parse_lag_name, "a name")], InfluxName],
    AfterValidator(_without_clash),
]
TagName = Annotated[str, read(parse_tag_name, "a tag's name")]
NameTemplate = Annotated[str, read(parse_template, "a name")]
Interval = Annotated[
    float,
    read(between(parse_duration, MIN_INTERVAL_S, MAX_INTERVAL_S, format_duration), "a duration"),
]
Duration = Annotated[
    float, read(between(parse_duration, 0.001, MAX_DURATION_S, format_duration), "a duration")
]
StoreSize = Annotated[
    int, read(between(parse_size, MIN_STORE_BYTES, MAX_STORE_BYTES, format_size), "a size")
]
