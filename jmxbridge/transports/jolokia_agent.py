"""The Jolokia agent of one JVM: what a connection over RMI answers, in a POST each.

Agents from 2.4.0 to 2.4.3 cannot write NaN and say for the whole MBean that they failed, as often
as it is asked (Jolokia's issue 934). Such an MBean is read again, and from then on, attribute by
attribute: what then fails is NaN, or one of the infinities, and the rest of it is there.
"""

import json
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self, TypeGuard

from jmxbridge.jmx.credentials import Credentials, Tls
from jmxbridge.jmx.errors import RemoteException
from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.values import MBeanInfo
from jmxbridge.transports import jolokia_json
from jmxbridge.transports.jolokia_http import Poster
from jmxbridge.transports.jolokia_json import Reply, Request
from jmxbridge.transports.transport import AttributeNames, AttributeValues

# What an MBean says about its attributes is about 1 KiB: so many at once are far below the bound.
LISTED_AT_ONCE = 2000


class JolokiaAgent:
    """What is asked of one agent; connects as needed, until `close`.

    `url` ends in a slash. `timeout_s` bounds each answer; None leaves that to the caller. Every
    call raises ConnectionFailed, with `not_jolokia` for an answer that no agent gives,
    RemoteProtocolError, and RemoteException for what the Java side throws.
    """

    def __init__(
        self,
        url: str,
        *,
        credentials: Credentials | None = None,
        tls: Tls | None = None,
        timeout_s: float | None = None,
    ) -> None:
        self._poster = Poster(
            url,
            options=dict(jolokia_json.OPTIONS),
            credentials=credentials,
            tls=tls,
            timeout_s=timeout_s,
        )
        self._never_null: dict[ObjectName, frozenset[str]] = {}
        self._apart: set[ObjectName] = set()  # to be read attribute by attribute
        self._since_s = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection, and forget what was learned through it."""
        self._never_null.clear()
        self._apart.clear()
        self._since_s = 0
        await self._poster.close()

    @property
    def traffic(self) -> Mapping[str, int]:
        """What was exchanged so far, by names of fields."""
        return {
            "round_trips": self._poster.round_trips,
            "bytes_received": self._poster.bytes_received,
        }

    @property
    def url(self) -> str:
        """Where it is asked."""
        return self._poster.url

    @property
    def peer_host(self) -> str | None:
        """The IP address at the other end."""
        return self._poster.peer_host

    async def query(self, pattern: ObjectName | None = None) -> list[ObjectName]:
        """Return the names of MBeans that `pattern` selects; of all where it is None."""
        [found] = await self._ask([jolokia_json.search(pattern)])
        return jolokia_json.names(found)

    async def query_many(self, patterns: Sequence[ObjectName]) -> list[list[ObjectName]]:
        """Return the names that each pattern selects; `poll` tells of changes since."""
        replies = await self._ask([jolokia_json.search(each) for each in patterns])
        self._since_s = jolokia_json.second_of(replies)
        return [jolokia_json.names(each) for each in replies]

    async def get_infos(self, names: Sequence[ObjectName]) -> list[MBeanInfo | RemoteException]:
        """Return the attributes of many MBeans, in order; raises where an agent forbids to list."""
        found: list[MBeanInfo | RemoteException] = []
        for start in range(0, len(names), LISTED_AT_ONCE):
            part = names[start : start + LISTED_AT_ONCE]
            replies = await self._ask([jolokia_json.list_attributes(each) for each in part])
            found += map(jolokia_json.info, replies)
        refusals = [each for each in found if is_refusal(each)]
        if refusals and len(refusals) == len(found):
            raise refusals[0]
        for name, info in zip(names, found, strict=True):
            if isinstance(info, MBeanInfo):
                self._never_null[name] = jolokia_json.never_null(info)
        return found

    async def get_many(self, wanted: AttributeNames) -> list[AttributeValues]:
        """Return values of attributes of many MBeans, in order; one failing does not stop the rest.

        What `get_infos` told makes NaN of a null that can be nothing else.
        """
        return await self._complete(wanted, await self._ask(self._reads(wanted)))

    async def poll(self, wanted: AttributeNames) -> tuple[bool, list[AttributeValues]]:
        """Return whether MBeans came or went since `query_many`, and `get_many`, in one POST."""
        changes = jolokia_json.has_changed(self._since_s)
        answer, *replies = await self._ask([changes, *self._reads(wanted)])
        return jolokia_json.is_changed(answer), await self._complete(wanted, replies)

    async def _complete(
        self, wanted: AttributeNames, replies: Sequence[Reply]
    ) -> list[AttributeValues]:
        """Return what was read, after reading again, apart, what can only be read so."""
        found = self._values(wanted, replies)
        spoiled = [
            number
            for number, each in enumerate(found)
            if isinstance(each, RemoteException) and jolokia_json.is_nan(each)
        ]
        if spoiled:
            again = [wanted[number] for number in spoiled]
            self._apart.update(name for name, _ in again)
            mended = self._values(again, await self._ask(self._reads(again)))
            for number, each in zip(spoiled, mended, strict=True):
                found[number] = each
        return found

    def _reads(self, wanted: AttributeNames) -> list[Request]:
        requests: list[Request] = []
        for name, attributes in wanted:
            groups = [[each] for each in attributes] if name in self._apart else [attributes]
            requests += [jolokia_json.read(name, group) for group in groups]
        return requests

    def _values(self, wanted: AttributeNames, replies: Sequence[Reply]) -> list[AttributeValues]:
        found: list[AttributeValues] = []
        rest = iter(replies)
        for name, attributes in wanted:
            if name in self._apart:
                found.append(jolokia_json.values_apart(attributes, rest))
            else:
                found.append(jolokia_json.values(next(rest), self._never_null.get(name, ())))
        return found

    async def _ask(self, requests: Sequence[Request]) -> list[Reply]:
        if not requests:
            return []
        answer = await self._poster.post(json.dumps(requests).encode())
        return jolokia_json.parse(answer, len(requests), self._poster.url)


def is_refusal(found: MBeanInfo | RemoteException) -> TypeGuard[RemoteException]:
    """Tell whether an agent's policy, not the MBean, is why nothing is known of it."""
    return isinstance(found, RemoteException) and found.error_class == "access"
