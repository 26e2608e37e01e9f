"""Credentials and TLS settings of a connection.

Java's own client does not check host names, and without a trust store of its own it trusts what its
JDK trusts. This client checks the host name unless that is switched off. A JVM's registry has a
separate setting (`com.sun.management.jmxremote.registry.ssl`) and is plain by default, even if the
JMX server behind it uses TLS.
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
    """TLS to the JMX server, and to the registry too if `registry` is set.

    All files are PEM. `ca_file` replaces the authorities that this machine trusts. `cert_file` is
    the client's certificate with its chain, `key_file` its key if that is in a separate file,
    `key_password` the password of the key, or a function that returns it, called for each
    connection. `identity` replaces these files: it returns certificate
    and key as PEM, is called for each connection, and may raise ConnectionFailed. The server's
    certificate must be for the host that is connected to, unless `check_hostname` is off.
    """

    registry: bool = False
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    check_hostname: bool = True
    key_password: str | Callable[[], str] | None = field(default=None, repr=False)
    identity: Callable[[], bytes] | None = None
