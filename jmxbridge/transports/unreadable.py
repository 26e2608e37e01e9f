"""Attributes whose values a JVM cannot put into an answer, found so that the others can be read.

One value that is not serializable costs its MBean the whole answer, and the JVM closes the socket
after it; an answer does not say which attribute it was. So an MBean that failed in that way is
asked once for its attributes one by one, at the next look at the JVM, and those that fail again are
left out from then on. It costs a socket for each of them, which is why it is not done again before
everything is looked at anew.
"""

import logging
from collections.abc import Collection

from jmxbridge.jmx.errors import RemoteException
from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.transports.transport import MBeans

UNREADABLE = "unreadable"
# A MBean has at most some hundreds of attributes; a JVM in which all fail is no reason to stop.
MAX_QUESTIONS = 1000

log = logging.getLogger(__name__)


class Unreadable:
    """What is known of one JVM's unreadable attributes; each is said once, in the log."""

    def __init__(self) -> None:
        self._suspects: dict[ObjectName, tuple[str, ...]] = {}
        self._found: dict[ObjectName, frozenset[str]] = {}
        self._said: set[tuple[ObjectName, str]] = set()

    def suspect(self, name: ObjectName, attributes: Collection[str], why: RemoteException) -> bool:
        """Note an MBean that gave no answer; tell whether its attributes will be told apart."""
        if why.error_class != UNREADABLE:
            return False
        if name not in self._found:
            known = self._suspects.get(name, ())
            self._suspects[name] = tuple(dict.fromkeys((*known, *attributes)))
        return True

    async def tell_apart(self, mbeans: MBeans) -> None:
        """Ask suspects for each attribute by itself; remember which ones fail."""
        questions = [
            (name, (attribute,))
            for name, attributes in self._suspects.items()
            for attribute in attributes
        ][:MAX_QUESTIONS]
        self._found |= dict.fromkeys(self._suspects, frozenset())
        self._suspects.clear()
        if not questions:
            return
        replies = await mbeans.get_many(questions)
        for (name, (attribute,)), reply in zip(questions, replies, strict=True):
            if isinstance(reply, RemoteException) and reply.error_class == UNREADABLE:
                self._found[name] |= {attribute}
                self._say(name, attribute, reply)

    def left_out(self, name: ObjectName) -> frozenset[str]:
        """Return the attributes not to ask an MBean for."""
        return self._found.get(name, frozenset())

    def forget(self) -> None:
        """Take it that they may be readable now."""
        self._suspects.clear()
        self._found.clear()

    def _say(self, name: ObjectName, attribute: str, why: RemoteException) -> None:
        if (name, attribute) not in self._said:
            self._said.add((name, attribute))
            log.warning("%s: %s is left out, its JVM cannot send it: %s", name, attribute, why)
