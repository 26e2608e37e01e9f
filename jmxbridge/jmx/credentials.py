"""How to be let in: who we are, and how the wire is protected.

Java's own client checks neither host names nor, without a trust store of its own, more than what
its JDK trusts; here the host name is checked unless that is switched off. A JVM's registry has a
setting of its own (`com.sun.management.jmxremote.registry.ssl`) and is plain by default, also where
the server behind it speaks TLS.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user and a password, as in a JVM's jmxremote.password."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Tls:
    """TLS to the JMX server, and where `registry` is set to the registry too.

    All files are PEM. `ca_file` replaces the authorities that this machine trusts. `cert_file` is
    a client's certificate with its chain, `key_file` its key where that is in a file of its own,
    `key_password` what opens the key. Where they are in no such file, `identity` returns both as
    PEM; it is called for each connection and may raise ConnectionFailed. The server's certificate
    must be for the host that is connected to, unless `check_hostname` is off.
    """

    registry: bool = False
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    check_hostname: bool = True
    key_password: str | None = field(default=None, repr=False)
    identity: Callable[[], bytes] | None = None
