"""Attributes that a JVM cannot serialize, left out so that the others of their MBean can be read.

One value that is not serializable makes the whole getAttributes call fail, and the JVM closes the
socket after it; the failure does not name the attribute. So when the catalog is refreshed, each
attribute of such an MBean is read once on its own, and those that fail again are left out from then
on. That costs a socket for each of them, so it is repeated only when the whole catalog is renewed.
"""

import logging
from collections.abc import Collection

from jmxbridge.jmx.errors import RemoteException
from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.transports.transport import MBeans

UNREADABLE = "unreadable"
MAX_READS = 1000
"""An MBean has a few hundred attributes at most; a JVM in which all of them fail must not hold up
the poll."""

log = logging.getLogger(__name__)


class Unreadable:
    """The unreadable attributes of one JVM; each is logged once."""

    def __init__(self) -> None:
        self._suspects: dict[ObjectName, tuple[str, ...]] = {}
        self._tested: dict[ObjectName, frozenset[str]] = {}  # unreadable ones, by MBean tested
        self._logged: set[tuple[ObjectName, str]] = set()

    def suspect(self, name: ObjectName, attributes: Collection[str], why: RemoteException) -> bool:
        """Note an MBean that could not be read; tell whether its attributes will be tested."""
        if why.error_class != UNREADABLE:
            return False
        if name not in self._tested:
            suspects = self._suspects.get(name, ())
            self._suspects[name] = tuple(dict.fromkeys((*suspects, *attributes)))
        return True

    async def tell_apart(self, mbeans: MBeans) -> None:
        """Read each attribute of the suspects on its own; remember those that fail."""
        reads = [
            (name, (attribute,))
            for name, attributes in self._suspects.items()
            for attribute in attributes
        ][:MAX_READS]
        self._tested |= dict.fromkeys(self._suspects, frozenset())
        self._suspects.clear()
        if not reads:
            return
        replies = await mbeans.get_many(reads)
        for (name, (attribute,)), reply in zip(reads, replies, strict=True):
            if isinstance(reply, RemoteException) and reply.error_class == UNREADABLE:
                self._tested[name] |= {attribute}
                self._log(name, attribute, reply)

    def left_out(self, name: ObjectName) -> frozenset[str]:
        """Return the attributes of an MBean that are not to be read."""
        return self._tested.get(name, frozenset())

    def forget(self) -> None:
        """Forget which attributes were unreadable; they are tested again."""
        self._suspects.clear()
        self._tested.clear()

    def _log(self, name: ObjectName, attribute: str, why: RemoteException) -> None:
        if (name, attribute) not in self._logged:
            self._logged.add((name, attribute))
            log.warning("%s: %s is left out: the JVM cannot send it: %s", name, attribute, why)
