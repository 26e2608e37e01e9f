"""Client of one JVM's Jolokia agent: the calls of a connection over RMI, one POST each.

Agents from 2.4.0 to 2.4.3 cannot write NaN and answer every read of such an MBean with an error
(Jolokia's issue 934). That MBean is read again, and from then on, attribute by attribute: an
attribute that still fails is NaN or an infinity, and the others have their values.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self, TypeGuard

from jmxbridge.jmx.credentials import Credentials, Tls
from jmxbridge.jmx.errors import RemoteException
from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.values import MBeanInfo
from jmxbridge.transports import jolokia_json
from jmxbridge.transports.jolokia_http import Poster
from jmxbridge.transports.jolokia_json import JolokiaReply, JolokiaRequest
from jmxbridge.transports.transport import AttributeNames, AttributeValues

LISTED_AT_ONCE = 2000
"""MBeans in one list request: 1 KiB of description each, far below the bound on answers."""


class JolokiaAgent:
    """Sends requests to one agent; connects as needed, until `close`.

    `url` ends in a slash. `credentials` is called in a thread, whenever it connects. `timeout_s`
    bounds each answer; None leaves that to the caller. Every call raises ConnectionFailed (its
    class is `not_jolokia` for an answer that no agent gives), RemoteProtocolError, and
    RemoteException for exceptions of the Java side.
    """

    def __init__(
        self,
        url: str,
        *,
        credentials: Callable[[], Credentials] | None = None,
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
        """Close the connection and forget what it learned about MBeans."""
        self._never_null.clear()
        self._apart.clear()
        self._since_s = 0
        await self._poster.close()

    @property
    def traffic(self) -> Mapping[str, int]:
        """The traffic so far, by field name."""
        return {
            "round_trips": self._poster.round_trips,
            "bytes_received": self._poster.bytes_received,
        }

    @property
    def url(self) -> str:
        """The agent's URL."""
        return self._poster.url

    @property
    def peer_host(self) -> str | None:
        """The IP address at the other end; None before the first connection."""
        return self._poster.peer_host

    async def query(self, pattern: ObjectName | None = None) -> list[ObjectName]:
        """Return the names of MBeans that `pattern` selects, or of all if it is None."""
        [reply] = await self._ask([jolokia_json.search(pattern)])
        return jolokia_json.names(reply)

    async def query_many(self, patterns: Sequence[ObjectName]) -> list[list[ObjectName]]:
        """Return the names that each pattern selects; `poll` reports changes after this call."""
        replies = await self._ask([jolokia_json.search(pattern) for pattern in patterns])
        self._since_s = jolokia_json.second_of(replies)
        return [jolokia_json.names(reply) for reply in replies]

    async def get_infos(self, names: Sequence[ObjectName]) -> list[MBeanInfo | RemoteException]:
        """Return the attributes of many MBeans, in order; raises if all of them are forbidden."""
        infos: list[MBeanInfo | RemoteException] = []
        for start in range(0, len(names), LISTED_AT_ONCE):
            part = names[start : start + LISTED_AT_ONCE]
            replies = await self._ask([jolokia_json.list_attributes(name) for name in part])
            infos += map(jolokia_json.info, replies)
        refusals = [info for info in infos if is_refusal(info)]
        if refusals and len(refusals) == len(infos):
            raise refusals[0]
        for name, info in zip(names, infos, strict=True):
            if isinstance(info, MBeanInfo):
                self._never_null[name] = jolokia_json.never_null(info)
        return infos

    async def get_many(self, wanted: AttributeNames) -> list[AttributeValues]:
        """Return values of attributes of many MBeans, in order; a failure does not stop the others.

        A null is NaN if `get_infos` declared the attribute as a type that has no null.
        """
        return await self._complete(wanted, await self._ask(self._reads(wanted)))

    async def poll(self, wanted: AttributeNames) -> tuple[bool, list[AttributeValues]]:
        """Return whether MBeans came or went since `query_many`, and `get_many`, in one POST."""
        changes = jolokia_json.has_changed(self._since_s)
        answer, *replies = await self._ask([changes, *self._reads(wanted)])
        return jolokia_json.is_changed(answer), await self._complete(wanted, replies)

    async def _complete(
        self, wanted: AttributeNames, replies: Sequence[JolokiaReply]
    ) -> list[AttributeValues]:
        """Return the values; read MBeans with a NaN that the agent cannot write again, apart."""
        results = self._values(wanted, replies)
        spoiled = [
            index
            for index, result in enumerate(results)
            if isinstance(result, RemoteException) and jolokia_json.is_nan(result)
        ]
        if spoiled:
            again = [wanted[index] for index in spoiled]
            self._apart.update(name for name, _ in again)
            second_results = self._values(again, await self._ask(self._reads(again)))
            for index, result in zip(spoiled, second_results, strict=True):
                results[index] = result
        return results

    def _reads(self, wanted: AttributeNames) -> list[JolokiaRequest]:
        requests: list[JolokiaRequest] = []
        for name, attributes in wanted:
            apart = name in self._apart
            groups = [[attribute] for attribute in attributes] if apart else [attributes]
            requests += [jolokia_json.read(name, group) for group in groups]
        return requests

    def _values(
        self, wanted: AttributeNames, replies: Sequence[JolokiaReply]
    ) -> list[AttributeValues]:
        results: list[AttributeValues] = []
        rest = iter(replies)
        for name, attributes in wanted:
            if name in self._apart:
                results.append(jolokia_json.values_apart(attributes, rest))
            else:
                results.append(jolokia_json.values(next(rest), self._never_null.get(name, ())))
        return results

    async def _ask(self, requests: Sequence[JolokiaRequest]) -> list[JolokiaReply]:
        if not requests:
            return []
        answer = await self._poster.post(json.dumps(requests).encode())
        return jolokia_json.parse(answer, len(requests), self._poster.url)


def is_refusal(info: MBeanInfo | RemoteException) -> TypeGuard[RemoteException]:
    """Tell whether the agent's policy forbids to list an MBean."""
    return isinstance(info, RemoteException) and info.error_class == "access"
