"""A cluster of fake brokers in this process, for faults that a real one cannot be made to show.

It reads requests and writes replies with kio alone, independent of the code under test. A broker
answers from the state of its cluster; a test changes the state, or replaces the answers of an API
by a script. `requests` has every request.
"""

import asyncio
import importlib
from collections.abc import Callable
from typing import Any, Self

from kio.serial import entity_reader

from tests.kafka.fake_answers import Asked, HealthyBroker, Replies, World

NAMES = {
    2: "list_offsets",
    3: "metadata",
    9: "offset_fetch",
    10: "find_coordinator",
    15: "describe_groups",
    16: "list_groups",
    17: "sasl_handshake",
    18: "api_versions",
    32: "describe_configs",
    36: "sasl_authenticate",
    60: "describe_cluster",
    69: "consumer_group_describe",
    89: "streams_group_describe",
    90: "describe_share_group_offsets",
}

KAFKA_4_1 = {2: (1, 11), 3: (0, 13), 9: (1, 10), 10: (0, 6), 15: (0, 6), 16: (0, 5), 18: (0, 4)}
KAFKA_4_1 |= {32: (1, 4), 90: (0, 1), 69: (0, 1), 89: (0, 0), 17: (0, 1), 36: (0, 2), 60: (0, 2)}
KAFKA_2_3 = {2: (0, 5), 3: (0, 8), 9: (0, 5), 10: (0, 2), 15: (0, 3), 16: (0, 2), 18: (0, 2)}
"""API versions that these brokers offer, of the APIs used here."""

Script = Callable[[Asked], Any]
"""Returns a reply entity, or the bytes that follow the correlation id."""


class Silence(Exception):
    """Raised by a script: the request is read and not answered, until `answer_late`."""


class HangUp(Exception):
    """Raised by a script: the connection is closed instead of an answer."""


def silent(asked: Asked) -> Any:
    """A script: no answer."""
    raise Silence


def hang_up(asked: Asked) -> Any:
    """A script: the connection is closed."""
    raise HangUp


class FakeCluster(World):
    """Brokers 1 to n on loopback ports."""

    def __init__(self, brokers: int = 1) -> None:
        super().__init__(dict(KAFKA_4_1))
        self.requests: list[Asked] = []
        self.connections = 0
        self.brokers = {node_id: FakeBroker(self, node_id) for node_id in range(1, brokers + 1)}

    async def __aenter__(self) -> Self:
        for broker in self.brokers.values():
            await broker.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        for broker in self.brokers.values():
            await broker.stop()

    @property
    def bootstrap(self) -> list[tuple[str, int]]:
        """The address of every broker."""
        return [("127.0.0.1", port) for port in self.ports.values()]

    def asked(self, api: str, broker: int | None = None) -> list[Asked]:
        """Return the requests of one API, to one broker or to all."""
        return [
            asked for asked in self.requests if asked.api == api and broker in (None, asked.broker)
        ]


class FakeBroker(HealthyBroker):
    """One broker; `scripts` replaces its answers, by API.

    `stalled` is set when a request is left unanswered, `all_gone` when no connection is left.
    """

    def __init__(self, cluster: FakeCluster, node_id: int) -> None:
        super().__init__(cluster, node_id)
        self.cluster = cluster
        self.scripts: dict[str, Script] = {}
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._unanswered: list[tuple[asyncio.StreamWriter, bytes, Asked]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.all_gone = asyncio.Event()
        self.all_gone.set()
        self.stalled = asyncio.Event()

    async def start(self) -> None:
        """Listen; at the same port again after `stop`."""
        port = self.world.ports.get(self.node_id, 0)
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.world.ports[self.node_id] = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the port and every connection."""
        if self._server is not None:
            self._server.close()
        for writer in set(self._writers):
            writer.transport.abort()
        for task in set(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def hang_up(self) -> None:
        """Close every connection, as a broker does with idle ones; the port stays open."""
        for writer in set(self._writers):
            writer.close()
            await writer.wait_closed()

    def freeze(self) -> None:
        """Accept everything and answer nothing, as a process stopped by SIGSTOP does."""
        self.scripts = dict.fromkeys(NAMES.values(), silent)

    def thaw(self) -> None:
        """Answer again, by no script."""
        self.scripts.clear()

    def send_to_all(self, data: bytes) -> None:
        """Send these bytes on every connection, requested or not."""
        for writer in self._writers:
            writer.write(data)

    def answer_late(self) -> None:
        """Send, as a healthy broker, what scripts have left unanswered."""
        for writer, correlation_id, asked in self._unanswered:
            reply = getattr(self, f"answer_{asked.api}")(asked)
            self._send(writer, correlation_id + asked.schema.encode(reply))
        self._unanswered.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.cluster.connections += 1
        self._writers.add(writer)
        self.all_gone.clear()
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        try:
            while True:
                length = int.from_bytes(await reader.readexactly(4))
                self._answer(await reader.readexactly(length), writer)
        except (asyncio.IncompleteReadError, ConnectionError, HangUp, asyncio.CancelledError):
            pass
        finally:
            self._writers.discard(writer)
            writer.transport.abort()
            if not self._writers:
                self.all_gone.set()

    def _answer(self, message: bytes, writer: asyncio.StreamWriter) -> None:
        key, version = int.from_bytes(message[:2]), int.from_bytes(message[2:4])
        api = NAMES[key]
        lowest, highest = self.cluster.versions[key]
        if not lowest <= version <= highest:
            assert api == "api_versions", f"{api} version {version} was not offered"
            self._send(writer, message[4:8] + _too_new(self.cluster.versions))
            return
        replies = Replies(api, version, self.cluster.throttle_ms)
        asked = Asked(self.node_id, api, version, _read(api, version, message), replies)
        self.cluster.requests.append(asked)
        script = self.scripts.get(api) or getattr(self, f"answer_{api}")
        try:
            reply = script(asked)
        except Silence:
            self._unanswered.append((writer, message[4:8], asked))
            self.stalled.set()
            return
        body = reply if isinstance(reply, bytes) else replies.encode(reply)
        self._send(writer, message[4:8] + body)

    def _send(self, writer: asyncio.StreamWriter, message: bytes) -> None:
        writer.write(len(message).to_bytes(4) + message)


def _read(api: str, version: int, message: bytes) -> Any:
    module = importlib.import_module(f"kio.schema.{api}.v{version}.request")
    cls = getattr(module, "".join(map(str.capitalize, api.split("_"))) + "Request")
    _, size = entity_reader(cls.__header_schema__)(message, 0)
    entity, read = entity_reader(cls)(message, size)
    assert size + read == len(message), "the request has bytes left over"
    return entity


def _too_new(versions: dict[int, tuple[int, int]]) -> bytes:
    """Return version 0 of the ApiVersions reply with error 35, as KIP-511 says."""
    keys = [(18, *versions[18])]
    offered = b"".join(number.to_bytes(2) for key in keys for number in key)
    return (35).to_bytes(2) + len(keys).to_bytes(4) + offered
