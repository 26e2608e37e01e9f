"""What a file says about lag arrives where it is meant to."""

from pathlib import Path

from jmxbridge.build import make_lag_poll, poller_specs
from jmxbridge.config.loader import load
from jmxbridge.mbeans.consumers import Consumers
from jmxbridge.mbeans.topics import TopicNames
from jmxbridge.point import Point
from jmxbridge.pollers.schedule import Tick
from jmxbridge.times import NS
from tests.kafka.fake_answers import Group
from tests.kafka.fake_cluster import FakeCluster


async def points_of(folder: Path, fake: FakeCluster, second: int, said: str) -> list[Point]:
    """Poll as a run does that begins and ends here."""
    file = folder / "mbeans.yaml"
    host, port = fake.bootstrap[0]
    file.write_text(f"kafka: {{bootstrap: '{host}:{port}', {said}}}\n")
    settings = load(file, {})
    assert settings.kafka is not None
    poll = make_lag_poll(
        settings,
        settings.kafka,
        interval_ns=10 * NS,
        topics=TopicNames(),
        consumers=Consumers(),
        state_path=folder / "local.lag.json",
    )
    try:
        return list(await poll.poll(Tick(second * NS, 0)))
    finally:
        await poll.close()


async def test_a_file_decides_about_lag(tmp_path: Path) -> None:
    """Across runs: what is allowed, how fine the rows are, who skips transactions, who is gone."""
    said = (
        "allowed_lag: {'a.*': 6}, granularity: {'b.*': topic}, read_committed_groups: b.*,"
        " forget_after: 1h, offsets_retention: 100s"
    )
    async with FakeCluster() as fake:
        fake.add_topic("__consumer_offsets")
        fake.add_topic("x", end=10)
        fake.stable_ends["x", 0] = 8
        fake.groups["aa"] = Group({"x": {0: 4}}, state="Empty")
        fake.groups["bb"] = Group({"x": {0: 4}}, state="Stable")

        first = await points_of(tmp_path, fake, 1000, said)
        del fake.groups["bb"]
        second = await points_of(tmp_path, fake, 1030, said)
        third = await points_of(tmp_path, fake, 5000, said)

    def fields(points: list[Point], measurement: str, group: str) -> dict[str, object]:
        for point in points:
            if point.measurement == measurement and point.tags["group"] == group:
                return dict(point.fields)
        return {}

    assert fields(first, "kafka_consumer_lag", "aa")["lag_seconds"] == 0.0
    assert fields(first, "kafka_consumer_lag", "bb") == {}
    assert fields(first, "kafka_consumer_lag_topic", "bb")["lag_sum"] == 4
    assert fields(second, "kafka_consumer_group", "aa")["expires_in_seconds"] == 70.0
    assert fields(second, "kafka_consumer_group", "bb") == {"vanished": True}
    assert fields(second, "kafka_consumer_lag_group", "bb")["lag_sum"] == 4
    assert fields(third, "kafka_consumer_group", "bb") == {}


async def test_a_file_says_what_things_are_called(tmp_path: Path) -> None:
    """Measurement and field of another tool, at every poll."""
    said = "names: {kafka_consumer_lag: burrow_partition, kafka_consumer_lag_group.lag_sum: total}"
    async with FakeCluster() as fake:
        fake.add_topic("x", end=10)
        fake.groups["aa"] = Group({"x": {0: 4}})
        points = {point.measurement: point for point in await points_of(tmp_path, fake, 1000, said)}

    assert points["burrow_partition"].fields["lag"] == 6
    assert points["kafka_consumer_lag_group"].fields["total"] == 6
    assert "kafka_consumer_lag" not in points


async def test_a_file_says_where_consumers_begin(tmp_path: Path) -> None:
    """From the second poll on, when it is known who is assigned what; counted all the same."""
    async with FakeCluster() as fake:
        fake.add_topic("__consumer_offsets")
        fake.add_topic("x", end=10)
        fake.starts["x", 0] = 3
        fake.groups["g"] = Group({}, members=[("c", {"x": [0]})])
        file = tmp_path / "mbeans.yaml"
        host, port = fake.bootstrap[0]
        file.write_text(f"kafka: {{bootstrap: '{host}:{port}', uncommitted: earliest}}\n")
        (wanted,) = poller_specs(
            load(file, {}), interval_ns=10 * NS, topics=TopicNames(), consumers=Consumers()
        )
        poll = wanted.make()
        try:
            polls = [await poll.poll(Tick(n * 10 * NS, 0)) for n in range(7)]
        finally:
            await poll.close()

    lags = [
        [p.fields["lag"] for p in each if p.measurement == "kafka_consumer_lag"] for each in polls
    ]
    assert lags == [[], [7], [], [], [], [], [7]]
    sums = [p.fields for each in polls for p in each if p.measurement == "kafka_consumer_lag_group"]
    assert [fields["lag_sum"] for fields in sums[1:]] == [7] * 6
    assert [fields.get("partitions_uncommitted") for fields in sums] == [1, *[None] * 5, 1]


async def test_read_committed_groups_are_those_of_the_file(tmp_path: Path) -> None:
    """Whatever its name: Kafka takes a line break in one, and a dot of a pattern does not."""
    async with FakeCluster() as fake:
        fake.add_topic("x", end=10)
        fake.stable_ends["x", 0] = 8
        fake.groups["two\nlines"] = Group({"x": {0: 4}})

        points = await points_of(tmp_path, fake, 1000, "timeout: 5s")

    (row,) = (point for point in points if point.measurement == "kafka_consumer_lag")
    assert row.fields["lag"] == 6
