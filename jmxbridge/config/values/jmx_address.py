"""Address of a JVM: the three forms of `jmx`.

HOST:PORT is a JMX port, or with `transport: jolokia` the port of an agent at its usual path. A
service URL is the long form of a JMX port. An http or https URL is a Jolokia agent's.
"""

import re
from dataclasses import dataclass

from jmxbridge.config.text.problem import InvalidValue
from jmxbridge.config.values.address import Address, parse_address, parse_port
from jmxbridge.config.values.grammar import parse_url

AGENT_PATH = "/jolokia"

_JMX_URL = "service:jmx:"
_JMX_RMI = re.compile(
    r"service:jmx:rmi://(?P<server>[^/]*)/jndi/rmi://(?P<registry>[^/]*)/jmxrmi/?"
)
_HTTP = re.compile(r"(?i)(?P<scheme>https?)://(?P<host>\[[^]]*\]|[^:/]*)(?::(?P<port>\d+))?(/.*)?")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class JmxAddress(Address):
    """A JMX port; `server` is the address of the JMX server where the long form names one.

    For a Jolokia agent `url` is its URL as written, and host and port are those of the URL.
    """

    server: Address | None = None
    url: str | None = None

    def __str__(self) -> str:
        if self.url is not None:
            return self.url
        registry = str(Address(self.host, self.port))
        if self.server is None:
            return registry
        return f"service:jmx:rmi://{self.server}/jndi/rmi://{registry}/jmxrmi"

    def agent_url(self, *, tls: bool = False) -> str:
        """Return the URL of a Jolokia agent, with the slash at the end that agents want."""
        url = self.url or f"{'https' if tls else 'http'}://{Address(self.host, self.port)}"
        has_path = url.count("/") > 2
        return f"{url}/" if has_path else f"{url}{AGENT_PATH}/"


def parse_jmx_address(text: str) -> JmxAddress:
    """Read `host:port`, `service:jmx:rmi://[host:port]/jndi/rmi://host:port/jmxrmi` or a URL.

    Raises InvalidValue. In the long form the first address is the JMX server's, the second the
    registry's. Java's own client ignores the first; here it replaces the address that the JVM
    advertises.
    """
    if text.lower().startswith(("http:", "https:")):
        return _agent(parse_url(text))
    if not text.startswith(_JMX_URL):
        address = parse_address(text)
        return JmxAddress(address.host, address.port)
    match = _JMX_RMI.fullmatch(text)
    if match is None:
        raise InvalidValue(
            "the only long form is service:jmx:rmi:///jndi/rmi://HOST:PORT/jmxrmi;"
            " HOST:PORT means the same"
        )
    registry = _address(match, "registry")
    server = _address(match, "server") if match["server"] else None
    return JmxAddress(registry.host, registry.port, server)


def _agent(url: str) -> JmxAddress:
    match = _HTTP.fullmatch(url)
    assert match is not None  # noqa: S101  parse_url accepts no other form
    port = parse_port(match["port"]) if match["port"] else _PORTS[match["scheme"].lower()]
    return JmxAddress(match["host"].strip("[]"), port, url=url)


def _address(match: re.Match[str], name: str) -> Address:
    try:
        return parse_address(match[name])
    except InvalidValue as error:
        raise InvalidValue(error.message, match.start(name) + error.position) from None
