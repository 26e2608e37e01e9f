"""Two scripted brokers with many groups, in a process apart from the poller's.

`python -m bench.scripted_brokers GROUPS TOPICS PARTITIONS` prints their addresses and serves until
its standard input ends. They are the fake brokers of the tests.
"""

import asyncio
import sys

from tests.kafka.fake_answers import Group
from tests.kafka.fake_cluster import FakeCluster

END = 1000


async def serve(groups: int, topics: int, partitions: int) -> None:
    """Serve until the end of standard input."""
    async with FakeCluster(2) as fake:
        commits = {f"topic-{t}": dict.fromkeys(range(partitions), END - 7) for t in range(topics)}
        for number, topic in enumerate(commits):
            fake.add_topic(topic, partitions, end=END, leader=1 + number % 2)
        for number in range(groups):
            fake.groups[f"group-{number}"] = Group(commits, coordinator=1 + number % 2)
        sys.stdout.write(",".join(f"{host}:{port}" for host, port in fake.bootstrap) + "\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(*map(int, sys.argv[1:])))
