"""Fake clusters and connections to them, closed when the test ends."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from jmxbridge.kafka.cluster.cluster import Cluster
from tests.kafka.fake_answers import Group
from tests.kafka.fake_cluster import FakeBroker, FakeCluster

TIMEOUT_S = 30.0
"""Never reached by waiting: a test that needs a deadline to pass moves the clock forward."""


@pytest.fixture
def free_port() -> int:
    """A port of loopback that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@pytest.fixture
async def start_fake() -> AsyncIterator[Callable[..., Awaitable[FakeCluster]]]:
    """Start a fake cluster: `await start_fake(brokers=2)`."""
    async with AsyncExitStack() as stack:

        async def start(brokers: int = 1) -> FakeCluster:
            return await stack.enter_async_context(FakeCluster(brokers))

        yield start


@pytest.fixture
async def outlast(
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[Awaitable[Any], FakeBroker], Awaitable[Any]]:
    """Await something until a broker leaves a request unanswered, then let every deadline pass.

    The loop's clock is moved forward instead of waiting. Before that, everything else in flight on
    loopback arrives: the loop turns often enough to read every answer already sent.
    """
    loop = asyncio.get_running_loop()
    real_time = loop.time
    ahead = 0.0
    monkeypatch.setattr(loop, "time", lambda: real_time() + ahead)

    async def run(waiting: Awaitable[Any], broker: FakeBroker) -> Any:
        nonlocal ahead
        broker.stalled.clear()
        task = asyncio.ensure_future(waiting)
        await broker.stalled.wait()
        for _ in range(100):
            await asyncio.sleep(0)
        ahead += 2 * TIMEOUT_S
        return await task

    return run


@pytest.fixture
async def forward(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Move the loop's clock forward by so many seconds."""
    loop = asyncio.get_running_loop()
    real_time = loop.time
    ahead_s = 0.0
    monkeypatch.setattr(loop, "time", lambda: real_time() + ahead_s)

    def put(seconds: float) -> None:
        nonlocal ahead_s
        ahead_s += seconds

    return put


@pytest.fixture
async def two(start_fake: Callable[..., Awaitable[FakeCluster]]) -> FakeCluster:
    """Two brokers; group `a` and topic `x` on the first, `b` and `y` on the second."""
    fake = await start_fake(brokers=2)
    fake.add_topic("x", end=10, leader=1)
    fake.add_topic("y", end=10, leader=2)
    fake.groups["a"] = Group({"x": {0: 4}}, coordinator=1)
    fake.groups["b"] = Group({"y": {0: 5}}, coordinator=2)
    return fake


@pytest.fixture
async def with_members(start_fake: Callable[..., Awaitable[FakeCluster]]) -> FakeCluster:
    """Two brokers; a classic and a newer group with members, and one without."""
    fake = await start_fake(brokers=2)
    fake.add_topic("x", 3, end=10, leader=1)
    fake.add_topic("__consumer_offsets", 1, end=99)
    fake.groups["classic"] = Group(
        {"x": {0: 4}}, coordinator=1, members=[("one", {"x": [0, 1]}), ("two", {"x": [2]})]
    )
    fake.groups["newer"] = Group(
        {"x": {0: 9}}, coordinator=2, type="Consumer", members=[("three", {"x": [0, 1, 2]})]
    )
    fake.groups["idle"] = Group({"x": {1: 1}}, coordinator=2, protocol_type="", state="Empty")
    return fake


@pytest.fixture
async def connect_to() -> AsyncIterator[Callable[..., Cluster]]:
    """Make the Cluster under test; options as for `Cluster`. Retries do not pause."""
    async with AsyncExitStack() as stack:

        def make(fake: FakeCluster, **options: Any) -> Cluster:
            options = {"retry_pause_s": 0.0, "timeout_s": TIMEOUT_S, **options}
            cluster = Cluster(options.pop("bootstrap", fake.bootstrap), **options)
            stack.push_async_callback(cluster.close)
            return cluster

        yield make
