"""One lag poller in a separate process: `python -m bench.lag_pollers NAME HOST:PORT,...`.

Each line of standard input is answered with one line of JSON. `poll` polls, from the request to
finished rows of (group, topic, partition, committed, end), and returns CPU and wall time; `rows`
returns the number and the hash of the last poll's rows; `memory` the peak resident set. The
libraries are used as documented, with as many groups per call as each call accepts.
"""

import asyncio
import gc
import hashlib
import json
import resource
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bench.cost import cpu_s

Row = tuple[str, str, int, int, int]

JAVA_COLUMNS = 9


class Poller(ABC):
    """Connected when made; `poll` returns finished rows."""

    requests: int | None = None
    """Requests of the last poll, for pollers that count them."""

    @abstractmethod
    def poll(self) -> Sequence[Any]:
        """Read every group's commits and the end offsets."""

    def rows(self, polled: Sequence[Any]) -> Iterable[Row]:
        """Return the rows in comparable form; not part of a poll."""
        return polled


class Ours(Poller):
    """jmxbridge, with the garbage collector configured as in `jmxbridge run`."""

    def __init__(self, bootstrap: str) -> None:
        from jmxbridge.kafka.cluster.cluster import Cluster
        from jmxbridge.service.garbage import collect_seldom

        self._loop = asyncio.new_event_loop()
        self._cluster = Cluster(addresses(bootstrap), timeout_s=60.0)
        self._loop.run_until_complete(self._cluster.poll())
        collect_seldom()

    def poll(self) -> Sequence[Any]:
        from jmxbridge.lag.rows import compute_lags

        snapshot = self._loop.run_until_complete(self._cluster.poll())
        self.requests = snapshot.requests
        if not snapshot.complete:
            raise RuntimeError("; ".join(snapshot.errors))
        return compute_lags(snapshot).partitions

    def rows(self, polled: Sequence[Any]) -> Iterable[Row]:
        return (row[:5] for row in polled)


class OursPlainGc(Ours):
    """The same with Python's default garbage collector settings."""

    def __init__(self, bootstrap: str) -> None:
        settings = gc.get_threshold()
        super().__init__(bootstrap)
        gc.unfreeze()
        gc.set_threshold(*settings)


class OursLines(Ours):
    """The same up to line protocol: assessment and points, with every row moving."""

    def __init__(self, bootstrap: str) -> None:
        from jmxbridge.lag.history.lag_history import LagHistory

        self._history = LagHistory(interval_ns=10**10)
        self._time_ns = 10**18
        super().__init__(bootstrap)

    def poll(self) -> Sequence[Any]:
        from jmxbridge.influx.line_protocol import encode
        from jmxbridge.lag.output.points import to_points
        from jmxbridge.lag.rows import compute_lags

        snapshot = self._loop.run_until_complete(self._cluster.poll())
        self.requests = snapshot.requests
        self._time_ns += 10**10
        lags = compute_lags(snapshot)
        assessment = self._history.take(lags, snapshot, self._time_ns)
        points = to_points(assessment, snapshot, cluster="bench", time_ns=self._time_ns)
        self._lines = [encode(point) for point in points]
        return lags.partitions


class KafkaPython(Poller):
    """kafka-python's admin client: one request for all groups of a coordinator."""

    def __init__(self, bootstrap: str) -> None:
        from kafka.admin import KafkaAdminClient, OffsetSpec

        self._admin = KafkaAdminClient(bootstrap_servers=bootstrap.split(","))
        self._latest = OffsetSpec.LATEST

    def poll(self) -> Sequence[Any]:
        groups = [group["group_id"] for group in self._admin.list_groups()]
        commits = self._admin.list_group_offsets(groups)
        wanted = {p for offsets in commits.values() for p in offsets}
        ends = self._admin.list_partition_offsets(dict.fromkeys(wanted, self._latest))
        return [
            (group, p.topic, p.partition, commit.offset, ends[p].offset)
            for group, offsets in commits.items()
            for p, commit in offsets.items()
        ]


class Confluent(Poller):
    """confluent-kafka's admin client: one request per group, all in parallel."""

    def __init__(self, bootstrap: str) -> None:
        from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
        from confluent_kafka.admin import AdminClient, OffsetSpec

        self._admin = AdminClient({"bootstrap.servers": bootstrap})
        self._group = ConsumerGroupTopicPartitions
        self._partition = TopicPartition
        self._latest = OffsetSpec.latest()

    def poll(self) -> Sequence[Any]:
        listed = self._admin.list_consumer_groups().result().valid
        asked = [
            self._admin.list_consumer_group_offsets([self._group(group.group_id)])
            for group in listed
        ]
        commits = [one.result() for futures in asked for one in futures.values()]
        wanted = {(p.topic, p.partition) for group in commits for p in group.topic_partitions}
        request = {self._partition(*key): self._latest for key in wanted}
        listed_ends = self._admin.list_offsets(request)
        ends = {(p.topic, p.partition): end.result().offset for p, end in listed_ends.items()}
        return [
            (group.group_id, p.topic, p.partition, p.offset, ends[p.topic, p.partition])
            for group in commits
            for p in group.topic_partitions
        ]


class AioKafka(Poller):
    """aiokafka: its admin client for commits, its consumer for end offsets."""

    def __init__(self, bootstrap: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._loop.run_until_complete(self._start(bootstrap.split(",")))

    async def _start(self, servers: list[str]) -> None:
        from aiokafka import AIOKafkaConsumer
        from aiokafka.admin import AIOKafkaAdminClient

        self._admin = AIOKafkaAdminClient(bootstrap_servers=servers)
        self._consumer = AIOKafkaConsumer(bootstrap_servers=servers)
        await self._admin.start()
        await self._consumer.start()

    def poll(self) -> Sequence[Any]:
        return self._loop.run_until_complete(self._poll())

    async def _poll(self) -> Sequence[Any]:
        groups = [listed[0] for listed in await self._admin.list_consumer_groups()]
        listed = await asyncio.gather(*map(self._admin.list_consumer_group_offsets, groups))
        ends = await self._consumer.end_offsets({p for commits in listed for p in commits})
        return [
            (group, p.topic, p.partition, commit.offset, ends[p])
            for group, commits in zip(groups, listed, strict=True)
            for p, commit in commits.items()
        ]


class Java(Poller):
    """`kafka-consumer-groups.sh --describe --all-groups`: one JVM per poll."""

    def __init__(self, bootstrap: str) -> None:
        from demo.cache import KAFKA_VERSION, java_path, kafka_libs
        from demo.kafka import log_option

        main = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
        self._command = ["java", log_option(KAFKA_VERSION), "-cp", java_path([kafka_libs()]), main]
        # All groups at once take longer than the default of 5 s.
        self._command += ["--bootstrap-server", bootstrap, "--describe", "--all-groups"]
        self._command += ["--timeout", "300000"]

    def poll(self) -> Sequence[Any]:
        done = subprocess.run(self._command, capture_output=True, text=True, check=True)
        return [line.split() for line in done.stdout.splitlines()]

    def rows(self, polled: Sequence[Any]) -> Iterable[Row]:
        return (
            (words[0], words[1], int(words[2]), int(words[3]), int(words[4]))
            for words in polled
            if len(words) == JAVA_COLUMNS and words[0] != "GROUP"
        )


POLLERS: dict[str, type[Any]] = {
    "ours": Ours,
    "ours-plain-gc": OursPlainGc,
    "ours-to-lines": OursLines,
    "kafka-python": KafkaPython,
    "confluent-kafka": Confluent,
    "aiokafka": AioKafka,
    "java": Java,
}


def addresses(bootstrap: str) -> list[tuple[str, int]]:
    """Split HOST:PORT,HOST:PORT."""
    pairs = (address.rpartition(":") for address in bootstrap.split(","))
    return [(host, int(port)) for host, _, port in pairs]


def peak_mb() -> float:
    """Return the peak resident set of this process, or of a larger child."""
    status = Path("/proc/self/status").read_text()
    (own,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    # Between fork and exec a child counts with the memory it inherited from us.
    child_kb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return round(max(int(own.split()[1]), child_kb) / 1024, 1)


def main() -> None:
    """Answer commands until the input ends."""
    name, bootstrap = sys.argv[1:]
    poller: Poller = POLLERS[name](bootstrap)
    polled: Sequence[Any] = ()
    answer: dict[str, object] = {"ready": name}
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
    for line in sys.stdin:
        if line.strip() == "poll":
            polled = ()
            began_s, began_cpu_s = time.perf_counter(), cpu_s()
            polled = poller.poll()
            answer = {"cpu_s": cpu_s() - began_cpu_s, "wall_s": time.perf_counter() - began_s}
            answer["requests"] = poller.requests
        elif line.strip() == "rows":
            rows = sorted(map(tuple, poller.rows(polled)))
            answer = {"rows": len(rows), "hash": hashlib.sha256(repr(rows).encode()).hexdigest()}
        else:
            answer = {"peak_mb": peak_mb()}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
