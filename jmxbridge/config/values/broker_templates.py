"""Templates for discovered targets: the name and the JMX port of each broker.

`{id}` is the broker's id, `{port}` the port that Kafka advertises for it; `{id+9998}` adds to it. A
port without either is the same for all brokers, which then have a host each.
"""

import re
from dataclasses import dataclass

from jmxbridge.config.text.problem import InvalidValue
from jmxbridge.config.values.address import parse_port
from jmxbridge.config.values.grammar import parse_text

_PLACEHOLDER = re.compile(r"\{(?P<name>id|port)(?P<offset>[+-][0-9]{1,5})?\}")


@dataclass(frozen=True, slots=True)
class BrokerTemplate:
    """A text with `{id}` and `{port}` in it."""

    text: str

    def fill(self, broker: int, port: int) -> str:
        """Return the text for one broker."""

        def number(match: re.Match[str]) -> str:
            value = broker if match["name"] == "id" else port
            return str(value + int(match["offset"] or 0))

        return _PLACEHOLDER.sub(number, self.text)

    def __str__(self) -> str:
        return self.text


def parse_broker_name(text: str) -> BrokerTemplate:
    """Read the name of discovered targets; raises InvalidValue."""
    template = _parse(text)
    if template.fill(1, 1) == template.fill(2, 1):
        raise InvalidValue("needs {id}: each broker is a target of its own")
    return template


def parse_broker_port(text: str) -> BrokerTemplate:
    """Read the JMX port of discovered targets; raises InvalidValue."""
    template = _parse(text)
    parse_port(template.fill(1, 9092))
    return template


def _parse(text: str) -> BrokerTemplate:
    parse_text(text)
    stray = re.search(r"[{}]", _PLACEHOLDER.sub(lambda match: " " * len(match[0]), text))
    if stray:
        raise InvalidValue("only {id} and {port} can be in braces here", stray.start())
    return BrokerTemplate(text)
