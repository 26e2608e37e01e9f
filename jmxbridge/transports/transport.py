"""Where ways of reading a JVM meet: one method for polls, four questions for a look."""

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


class MBeans(Protocol):
    """The MBeans of one JVM, to be looked at: an RMI connection, or a Jolokia agent.

    Every call raises `JmxError` where nothing can be asked; what the Java side throws for one MBean
    of many stands in its place.
    """

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    async def query(self, pattern: ObjectName | None = None) -> list[ObjectName]:
        """Return the names that `pattern` selects; all where it is None."""

    async def query_many(self, patterns: Sequence[ObjectName]) -> list[list[ObjectName]]:
        """Return the names that each pattern selects, in order."""

    async def get_infos(self, names: Sequence[ObjectName]) -> list[MBeanInfo | RemoteException]:
        """Return what MBeans say about their attributes, in order."""

    async def get_many(self, wanted: AttributeNames) -> list[AttributeValues]:
        """Return values of attributes, in order; one that cannot be read is left out."""

    async def close(self) -> None:
        """Let go of the JVM."""
