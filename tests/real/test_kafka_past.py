"""Timestamps and retention on a real broker: record ages, topic and offset retention.

The producer sets the timestamps, so the tests know the expected ages.
"""

import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack

import pytest
from typer.testing import CliRunner

from demo.servers import Client, Kafka
from jmxbridge.cli import app
from jmxbridge.kafka.cluster.cluster import Cluster
from jmxbridge.lag.history.assessment import Assessment, RowStatus
from jmxbridge.lag.history.lag_history import LagHistory
from jmxbridge.lag.history.timestamp_search import SHARE_OF_AGE
from jmxbridge.lag.rows import compute_lags

pytestmark = pytest.mark.real

TIMEOUT_S = 60.0
POLLS = 60
"""More than any search takes: from 1970 down to a second are 41 steps."""

NS = 1_000_000_000
HOUR_MS = 3_600_000


@pytest.fixture
async def cluster_of(kafka: Kafka) -> AsyncIterator[Callable[..., Cluster]]:
    """The cluster under test, limited to these groups, so that no others are searched."""
    async with AsyncExitStack() as opened:

        def open_for(*groups: str) -> Cluster:
            address = ("127.0.0.1", kafka.port)
            cluster = Cluster([address], timeout_s=TIMEOUT_S, groups=groups.__contains__)
            opened.push_async_callback(cluster.close)
            return cluster

        yield open_for


class Search:
    """Polls until a group's delay is known."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.history = LagHistory(interval_ns=10 * NS)
        self.requests: list[int] = []

    async def poll(self) -> tuple[Assessment, dict[str, RowStatus], int]:
        """Poll once; return the assessment, each group's status of partition 0, the time."""
        snapshot = await self.cluster.poll(times_ms=self.history.searches.questions())
        self.requests.append(snapshot.requests)
        now_ns = time.time_ns()
        lags = compute_lags(snapshot)
        assessment = self.history.take(lags, snapshot, now_ns)
        judged = zip(lags.partitions, assessment.partitions, strict=True)
        return assessment, {row.group: status for row, status in judged}, now_ns

    async def written(self, groups: Sequence[str]) -> dict[str, tuple[float, bool]]:
        """Return, by group, the time of its oldest unread record in ms and whether it is exact."""
        for _ in range(POLLS):
            _, by_group, now_ns = await self.poll()
            delays = {group: by_group[group].time_lag for group in groups}
            if not any(time_lag is None or time_lag.at_least for time_lag in delays.values()):
                break
        return {
            group: (now_ns / 1e6 - time_lag.seconds * 1000, not time_lag.approximate)
            for group, time_lag in delays.items()
            if time_lag is not None and not time_lag.at_least
        }


async def test_records_written_before_the_first_poll_get_a_time(
    kafka: Kafka,
    client: Client,
    cluster_of: Callable[..., Cluster],
    fresh_name: Callable[[str], str],
) -> None:
    """CreateTime of single records: exact to 1 ms, at most one more request per poll."""
    topic, early, late = fresh_name("orders"), fresh_name("early"), fresh_name("late")
    client.create(topic)
    first_ms = time.time_ns() // 1_000_000 - 48 * HOUR_MS
    stamps = [first_ms + n * HOUR_MS for n in range(47)]
    client.produce_at(topic, stamps[:10])
    client.commit(early, topic)
    client.produce_at(topic, stamps[10:40])
    client.commit(late, topic)
    client.produce_at(topic, stamps[40:])
    search = Search(cluster_of(early, late))

    dates = await search.written([early, late])
    assessment, judged, _ = await search.poll()
    settled = search.requests[-1]

    assert [dates[group][0] for group in (early, late)] == pytest.approx(
        [stamps[10], stamps[40]], abs=1
    )
    assert all(exact for _, exact in dates.values())
    assert max(search.requests[1:]) == settled + 1
    week_s = 7 * 86_400.0
    for group in (early, late):
        time_lag = judged[group].time_lag
        assert time_lag is not None
        assert assessment.retention_risk_s[group, topic] == pytest.approx(week_s - time_lag.seconds)


async def test_log_append_times_of_a_batch_are_near(
    kafka: Kafka,
    client: Client,
    cluster_of: Callable[..., Cluster],
    fresh_name: Callable[[str], str],
) -> None:
    """A batch has one LogAppendTime, and a broker finds its first record."""
    topic, inside = fresh_name("appended"), fresh_name("inside")
    config = ("message.timestamp.type=LogAppendTime", "retention.ms=-1")
    words = [word for setting in config for word in ("--config", setting)]
    kafka.tool("TopicCommand", "--create", "--topic", topic, *words)
    began_ms = time.time() * 1000
    client.produce_at(topic, [int(began_ms) - 9 * HOUR_MS] * 3)
    client.produce(topic, 1000)
    plan = ("--to-offset", "500", "--execute", "--group", inside, "--topic", topic)
    kafka.tool("consumer.group.ConsumerGroupCommand", "--reset-offsets", *plan)
    search = Search(cluster_of(inside))

    dates = await search.written([inside])
    assessment, _, now_ns = await search.poll()

    written_ms, _ = dates[inside]
    slack_ms = max(1000.0, (now_ns / 1e6 - began_ms) / SHARE_OF_AGE)
    assert began_ms - slack_ms <= written_ms <= now_ns / 1e6
    assert (inside, topic) not in assessment.retention_risk_s


async def test_unordered_timestamps_give_no_false_bound(
    client: Client, cluster_of: Callable[..., Cluster], fresh_name: Callable[[str], str]
) -> None:
    """A record older than its predecessors is dated by them: approximate, never exact."""
    topic, group = fresh_name("mixed"), fresh_name("g")
    client.create(topic)
    base_ms = time.time_ns() // 1_000_000 - 24 * HOUR_MS
    client.produce_at(topic, [base_ms + n * HOUR_MS for n in (0, 9, 1)])
    client.commit(group, topic)
    client.produce_at(topic, [base_ms + n * HOUR_MS for n in (3, 2, 12)])

    dates = await Search(cluster_of(group)).written([group])

    written_ms, exact = dates[group]
    assert written_ms == pytest.approx(base_ms + 9 * HOUR_MS, abs=1)
    assert not exact


async def test_poll_reads_retention_of_topics_and_offsets(
    kafka: Kafka,
    client: Client,
    cluster_of: Callable[..., Cluster],
    fresh_name: Callable[[str], str],
) -> None:
    """Retention of a topic with a setting, of a compacted one, and of empty groups."""
    short, compacted, group = fresh_name("short"), fresh_name("compacted"), fresh_name("g")
    for topic, config in ((short, "retention.ms=7200000"), (compacted, "cleanup.policy=compact")):
        kafka.tool("TopicCommand", "--create", "--topic", topic, "--config", config)
        client.commit(group, topic)

    extras = (await cluster_of(group).poll()).extras

    assert extras.retention_s[short] == 7200.0
    assert compacted not in extras.retention_s
    assert extras.offsets_retention_s == 7 * 86_400.0


def test_lag_of_one_group_shows_age_and_retention_risk(
    kafka: Kafka, client: Client, fresh_name: Callable[[str], str]
) -> None:
    """`lag GROUP` searches the log without earlier polls and says what retention will delete."""
    topic, group = fresh_name("orders"), fresh_name("late")
    kafka.tool("TopicCommand", "--create", "--topic", topic, "--config", "retention.ms=7200000")
    now_ms = time.time_ns() // 1_000_000
    client.commit(group, topic)
    client.produce_at(topic, [now_ms - minutes * 60_000 for minutes in (110, 50, 10)])

    result = CliRunner().invoke(app, ["lag", group, "--bootstrap", kafka.bootstrap])
    spoken = CliRunner().invoke(app, ["lag", group, "--bootstrap", kafka.bootstrap, "--json"])

    assert (result.exit_code, spoken.exit_code) == (0, 0)
    assert f"group {group}: unread records of {topic} may be deleted in " in result.stderr
    (row,) = json.loads(spoken.stdout)["groups"][0]["partitions"]
    assert (row["lag"], row["seconds_at_least"], row["seconds_approximate"]) == (3, False, False)
    assert 110 * 60 <= row["seconds"] <= 110 * 60 + TIMEOUT_S
