"""The one method where ways of reading a JVM meet."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from jmxbridge.mbeans.reading import Reading
from jmxbridge.mbeans.rule import Rule


class Transport(Protocol):
    """Reads MBeans of one JVM.

    A transport connects when it must, and again after it failed; it keeps what it learned about
    the JVM for the life of a connection. It has no clock of its own: the caller cancels a fetch
    that takes too long, and may fetch again afterwards.
    """

    @property
    def series_limited(self) -> int:
        """How many series the rules' limits leave out on this JVM, as far as is known."""

    @property
    def costs(self) -> Mapping[str, int]:
        """What the last fetch took, as far as the transport can tell, by names of fields."""

    @property
    def peer_host(self) -> str | None:
        """The address at which the last fetch reached the JVM; None where it cannot be told."""

    async def fetch(self, rules: Sequence[Rule]) -> list[Reading]:
        """Return one reading for each MBean that each rule takes.

        An MBean that vanishes between query and read is left out. A JVM that cannot be read is an
        error, never an empty list; raises `JmxError`.
        """

    async def close(self) -> None:
        """Let go of the JVM. Never raises, never waits long."""
