"""The protocols that all ways of reading a JVM share: one for polls, one for looking around."""

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Protocol, Self, TypeAlias

from jmxbridge.jmx.errors import RemoteException
from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.values import MBeanInfo, Value
from jmxbridge.mbeans.reading import Reading
from jmxbridge.mbeans.rule import Rule

AttributeNames: TypeAlias = Sequence[tuple[ObjectName, Sequence[str]]]
"""MBeans, each with the names of attributes to read."""

AttributeValues: TypeAlias = dict[str, Value] | RemoteException
"""Values of one MBean by attribute, or what the Java side threw for it."""


class Transport(Protocol):
    """Reads MBeans of one JVM.

    A transport connects when it needs to, and again after a failure. What it learns about the JVM
    it keeps for the life of a connection. It has no deadline of its own: the caller cancels a fetch
    that takes too long, and may fetch again afterwards.
    """

    @property
    def series_limited(self) -> int:
        """Series that limits of rules leave out on this JVM, as far as known."""

    @property
    def costs(self) -> Mapping[str, int]:
        """Costs of the last fetch by field name, as far as the transport knows them."""

    @property
    def peer_host(self) -> str | None:
        """The IP address at which the last fetch reached the JVM; None if unknown."""

    async def fetch(self, rules: Sequence[Rule]) -> list[Reading]:
        """Return one reading for each MBean that each rule takes.

        An MBean that vanishes between query and read is left out. A JVM that cannot be read raises
        `JmxError`; it never gives an empty list.
        """

    async def close(self) -> None:
        """Close the connection to the JVM. Never raises, never waits long."""


class MBeans(Protocol):
    """The MBeans of one JVM: an RMI connection, or a Jolokia agent.

    Every call raises `JmxError` if the JVM cannot be asked. An exception that the Java side throws
    for one MBean of many takes the place of its result.
    """

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    async def query(self, pattern: ObjectName | None = None) -> list[ObjectName]:
        """Return the names that `pattern` selects, or all if it is None."""

    async def query_many(self, patterns: Sequence[ObjectName]) -> list[list[ObjectName]]:
        """Return the names that each pattern selects, in order."""

    async def get_infos(self, names: Sequence[ObjectName]) -> list[MBeanInfo | RemoteException]:
        """Return the attribute descriptions of MBeans, in order."""

    async def get_many(self, wanted: AttributeNames) -> list[AttributeValues]:
        """Return values of attributes, in order; an attribute that cannot be read is left out."""

    async def close(self) -> None:
        """Close the connection to the JVM."""
