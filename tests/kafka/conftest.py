"""Fake clusters and connections to them, closed when the test ends."""

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from jmxbridge.kafka.cluster import Cluster
from tests.kafka.fake_cluster import FakeCluster


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
async def connect_to() -> AsyncIterator[Callable[..., Cluster]]:
    """Make the Cluster under test; options as for `Cluster`. Retries do not pause."""
    async with AsyncExitStack() as stack:

        def make(fake: FakeCluster, **options: Any) -> Cluster:
            options = {"retry_pause_s": 0.0, "timeout_s": 30.0, **options}
            cluster = Cluster(options.pop("bootstrap", fake.bootstrap), **options)
            stack.push_async_callback(cluster.close)
            return cluster

        yield make
