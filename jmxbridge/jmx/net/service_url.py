"""Parser for JMX addresses: HOST:PORT or a JMX service URL.

    service:jmx:rmi:///jndi/rmi://HOST:PORT/jmxrmi
    service:jmx:rmi://SERVER:PORT/jndi/rmi://HOST:PORT/jmxrmi

HOST:PORT is the JMX port, an RMI registry. SERVER:PORT replaces the address of the JMX server that
the registry returns; Java's own client ignores it.
"""

import re
from dataclasses import dataclass

from jmxbridge.jmx.rmi.jrmp import Endpoint

_URL = re.compile(r"service:jmx:rmi://(?P<server>[^/]*)/jndi/rmi://(?P<registry>[^/]*)/jmxrmi/?")
_ENDPOINT = re.compile(r"(?:\[(?P<v6>[^\[\]]+)\]|(?P<host>[^\[\]:/\s]+)):(?P<port>[0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class ServiceAddress:
    """A JMX port, and the address of its JMX server if that is to replace the advertised one."""

    registry: Endpoint
    server: Endpoint | None = None


def parse(text: str) -> ServiceAddress:
    """Parse HOST:PORT or a JMX service URL; raises ValueError."""
    url = _URL.fullmatch(text)
    if url is None:
        return ServiceAddress(_endpoint(text, text))
    server = _endpoint(url["server"], text) if url["server"] else None
    return ServiceAddress(_endpoint(url["registry"], text), server)


def _endpoint(part: str, text: str) -> Endpoint:
    match = _ENDPOINT.fullmatch(part)
    if match is None or not 0 < int(match["port"]) <= 0xFFFF:
        raise ValueError(f"{text!r} is neither HOST:PORT nor a JMX service URL")
    return Endpoint(match["v6"] or match["host"], int(match["port"]))
