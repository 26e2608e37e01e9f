"""Warnings about connections to a JVM that others on the network can read or use."""

import ipaddress
import logging

log = logging.getLogger(__name__)

ADVICE = "see username, password_file and tls"


class ExposureWarning:
    """Warns once about an unprotected connection to `where`, unless it stays on this machine.

    `risk` is what a connection without a password is open to. `is_due` says whether there is still
    something to warn about.
    """

    def __init__(
        self, where: str, risk: str, *, has_tls: bool, has_password: bool, advice: str = ADVICE
    ) -> None:
        self._where = where
        self._risk = "the password goes over the network unencrypted" if has_password else risk
        self._advice = advice
        self.is_due = not has_tls

    def check(self, peer_host: str | None) -> None:
        """Warn if the IP address at the other end is another machine's, or unknown."""
        if self.is_due and not is_loopback(peer_host):
            self.is_due = False
            log.warning("%s: %s (%s)", self._where, self._risk, self._advice)


def is_loopback(host: str | None) -> bool:
    """Tell whether an IP address is this machine."""
    return host is not None and ipaddress.ip_address(host.partition("%")[0]).is_loopback
