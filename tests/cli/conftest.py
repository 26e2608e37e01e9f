"""Fixtures of the commands: a recorded JVM in place of a running one, and a file with a store."""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, Self

import pytest

from jmxbridge import jmx
from jmxbridge.jmx import AttributeInfo, MBeanInfo, ObjectName, RemoteException, Value
from jmxbridge.jmx.rmi.protocol import Traffic
from jmxbridge.transports import rmi
from tests.cli.store_of_file import write_settings


class MBean(Protocol):
    """The parts of a recorded MBean."""

    @property
    def name(self) -> ObjectName: ...
    @property
    def attributes(self) -> tuple[str, ...]: ...
    @property
    def values(self) -> Mapping[str, Value]: ...


class RecordedConnection:
    """Answers as the connection to the JVM did when it was recorded."""

    peer_host = "127.0.0.1"
    round_trip_us = None

    def __init__(self, mbeans: Sequence[MBean], unreadable: Collection[str] = ()) -> None:
        self._unreadable = frozenset(unreadable)
        self._mbeans = {mbean.name: mbean for mbean in mbeans}

    @property
    def traffic(self) -> Traffic:
        return Traffic()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """There is nothing to close."""

    async def query(self, pattern: ObjectName | None = None) -> list[ObjectName]:
        return [name for name in self._mbeans if pattern is None or pattern.matches(name)]

    async def query_many(self, patterns: Sequence[ObjectName]) -> list[list[ObjectName]]:
        return [await self.query(pattern) for pattern in patterns]

    async def get_mbean_info(self, name: ObjectName) -> MBeanInfo:
        return MBeanInfo(
            "recorded",
            None,
            tuple(
                AttributeInfo(attribute, "double", None, readable=True, writable=False)
                for attribute in self._mbeans[name].attributes
            ),
        )

    async def get_mbean_count(self) -> int:
        return len(self._mbeans)

    async def close(self) -> None:
        """There is nothing to close."""

    async def get_infos(self, names: Sequence[ObjectName]) -> list[MBeanInfo | RemoteException]:
        return [await self.get_mbean_info(name) for name in names]

    async def get(self, name: ObjectName, attributes: Sequence[str]) -> dict[str, Value]:
        values = self._mbeans[name].values
        return {attribute: values[attribute] for attribute in attributes if attribute in values}

    async def get_many(
        self, wanted: Sequence[tuple[ObjectName, Sequence[str]]]
    ) -> list[dict[str, Value] | RemoteException]:
        return [
            RemoteException("java.io.NotSerializableException", "java.lang.Thread")
            if self._unreadable.intersection(attributes)
            else await self.get(name, attributes)
            for name, attributes in wanted
        ]


@pytest.fixture
def recorded_jvm(
    recorded: Callable[[str], list[Any]], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., None]:
    """Connect commands to a recording, whatever the address; `unreadable` names attributes."""

    def use(what: str, unreadable: Collection[str] = ()) -> None:
        async def connect(host: str, port: int, **_: object) -> RecordedConnection:
            return RecordedConnection(recorded(what), unreadable)

        monkeypatch.setattr(jmx, "connect", connect)
        monkeypatch.setattr(rmi, "connect", connect)

    return use


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A settings file with a store, and an InfluxDB that does not exist."""
    return write_settings(tmp_path, "http://127.0.0.1:9")
