"""Target: points at every poll, whatever the JVM does."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace

import pytest

from jmxbridge.jmx.errors import ConnectionFailed, RemoteProtocolError
from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.lag.consumers.consumer import Consumer
from jmxbridge.mbeans.consumers import Consumers
from jmxbridge.mbeans.points import PointMaker
from jmxbridge.mbeans.reading import Reading
from jmxbridge.mbeans.rule import Field, Rule
from jmxbridge.point import Point
from jmxbridge.pollers.backoff import Backoff
from jmxbridge.pollers.health import Health
from jmxbridge.pollers.schedule import RuleSchedule, Tick
from jmxbridge.pollers.target import Target

S = 1_000_000_000
NAME = ObjectName.parse("java.lang:type=Threading")
CONSUMER = ObjectName.parse("kafka.consumer:type=consumer-fetch-manager-metrics,client-id=c")


def rule(every_s: float | None = None, field: str = "threads") -> Rule:
    return Rule("jvm", (NAME,), "jvm", {}, (Field("ThreadCount", (), field),), every_s=every_s)


class Scripted:
    """A transport with scripted answers: a value, an error, or None for no answer."""

    def __init__(self, *answers: float | Exception | None) -> None:
        self.answers = list(answers)
        self.series_limited = 0
        self.peer_host: str | None = "10.0.0.7"
        self.costs = {"round_trips": 1}
        self.fetched: list[list[str]] = []

    async def fetch(self, rules: Sequence[Rule]) -> list[Reading]:
        self.fetched.append([rule.fields[0].name for rule in rules])
        answer = self.answers.pop(0)
        if answer is None:
            await asyncio.Event().wait()
        if isinstance(answer, Exception):
            raise answer
        return [Reading(rule, NAME, {"ThreadCount": answer}) for rule in rules]

    async def close(self) -> None:
        return None


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def make(transport: Scripted, *rules: Rule, clock: Clock, deadline_s: float = 5.0) -> Target:
    return Target(
        "broker-1",
        transport=transport,
        rules=RuleSchedule(rules or (rule(),), 10 * S),
        point_maker=PointMaker({"cluster": "c", "target": "broker-1"}),
        deadline_s=deadline_s,
        backoff=Backoff(10.0, lambda: 0.0),
        clock_s=clock,
    )


def own(points: Sequence[Point]) -> Point:
    """The target's own point: the last one."""
    assert points[-1].measurement == "jmxbridge_target"
    return points[-1]


async def test_target_points_have_the_timestamp_of_the_tick() -> None:
    """Values and the target's own point have the instant the poll was due, not when it ran."""
    points = await make(Scripted(7.0), clock=Clock()).poll(Tick(50 * S, 2))
    assert {point.time_ns for point in points} == {50 * S}
    assert points[0] == Point(
        "jvm", {"cluster": "c", "target": "broker-1"}, {"threads": 7.0}, 50 * S
    )
    fields = own(points).fields
    assert fields["up"] == 1
    assert "error" not in fields
    assert fields["age_seconds"] == 0.0
    assert fields["mbeans"] == 1
    assert fields["values"] == 1
    assert fields["skipped_ticks"] == 2


async def test_target_that_is_down_has_a_point_at_every_poll() -> None:
    """`up`, the error's class and the age of the last answer are there during a back-off too."""
    clock = Clock()
    transport = Scripted(7.0, ConnectionFailed("127.0.0.1:9: refused", "refused"))
    target = make(transport, clock=clock)
    await target.poll(Tick(10 * S, 0))
    first = own(await target.poll(Tick(20 * S, 0)))
    clock.now_s += 1  # still in the back-off: nothing is fetched
    second = own(await target.poll(Tick(30 * S, 0)))
    assert len(transport.fetched) == 2
    assert [first.fields["up"], second.fields["up"]] == [0, 0]
    assert [first.fields["error"], second.fields["error"]] == ["refused", "refused"]
    assert [first.fields["age_seconds"], second.fields["age_seconds"]] == [10.0, 20.0]
    assert target.line.health is Health.DOWN


async def test_target_that_never_answered_has_no_age() -> None:
    """An unknown age is absent, not zero."""
    transport = Scripted(ConnectionFailed("no", "refused"))
    assert "age_seconds" not in own(await make(transport, clock=Clock()).poll(Tick(S, 0))).fields


async def test_target_gives_up_at_its_deadline() -> None:
    """The poll ends with `timeout`; after the back-off the next one tries again."""
    clock = Clock()
    transport = Scripted(None, 3.0)
    target = make(transport, clock=clock, deadline_s=0.01)
    assert own(await target.poll(Tick(10 * S, 0))).fields["error"] == "timeout"
    clock.now_s += 10
    points = await target.poll(Tick(20 * S, 0))
    assert points[0].fields == {"threads": 3.0}
    assert own(points).fields["up"] == 1
    assert target.line.health is Health.FINE


async def test_target_that_starts_late_has_the_same_deadline() -> None:
    """Its time runs from the instant it was due, so that it does not miss the next one."""
    target = make(Scripted(None), clock=Clock(), deadline_s=2.0)

    await target.poll(Tick(10 * S, 0, round(1.99 * S)))

    assert target.line.text == "timeout: no answer within 0.01 s"


async def test_target_logs_going_down_and_coming_back_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """All polls of an outage are two log lines; another kind of error is one more."""
    caplog.set_level(logging.INFO, "jmxbridge")
    clock = Clock()
    refused = ConnectionFailed("127.0.0.1:9: refused", "refused")
    garbage = RemoteProtocolError("expected TC_OBJECT", 12)
    target = make(Scripted(refused, refused, garbage, 1.0, 1.0), clock=clock)
    for n in range(5):
        clock.now_s += 10
        await target.poll(Tick(n * 10 * S, 0))
    assert [record.getMessage() for record in caplog.records] == [
        "target broker-1: down: 127.0.0.1:9: refused",
        "target broker-1: down: at byte 12: expected TC_OBJECT",
        "target broker-1: up: 1 MBean, 1 point in 0 ms",
    ]


async def test_target_reads_rules_with_every_at_some_polls() -> None:
    """A rule with `every: 30s` is read at every third poll of 10 s, the others at each."""
    transport = Scripted(*([1.0] * 6))
    target = make(transport, rule(), rule(30.0, "slow"), clock=Clock())
    for n in range(1, 7):
        await target.poll(Tick(n * 10 * S, 0))
    assert transport.fetched == [
        ["threads"],
        ["threads"],
        ["threads", "slow"],
        ["threads"],
        ["threads"],
        ["threads", "slow"],
    ]


async def test_target_takes_a_cancellation_for_no_failure() -> None:
    """A stop in the middle of a poll leaves the status as it was."""
    target = make(Scripted(None), clock=Clock())
    poll = asyncio.create_task(_poll(target))
    await asyncio.sleep(0)
    poll.cancel()
    with pytest.raises(asyncio.CancelledError):
        await poll
    assert target.line.health is Health.WAITING


async def _poll(target: Target) -> Sequence[Point]:
    return await target.poll(Tick(S, 0))


class Consuming(Scripted):
    """A JVM with a consumer, as long as it answers."""

    async def fetch(self, rules: Sequence[Rule]) -> list[Reading]:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return [Reading(rule, CONSUMER, {"records-lag-max": answer}) for rule in rules]


async def test_target_tells_listeners_what_it_read() -> None:
    """The readings of each poll, the reason of a failure, and the end of polling."""
    consumers = Consumers()
    lag_rule = Rule(
        "consumer", (CONSUMER,), "kafka_consumer", {}, (Field("records-lag-max", (), "lag"),)
    )
    target = Target(
        "app",
        transport=Consuming(7.0, ConnectionFailed("app: refused", "refused")),
        rules=RuleSchedule((lag_rule,), 10 * S),
        point_maker=PointMaker({"target": "app"}),
        deadline_s=5.0,
        backoff=Backoff(10.0, lambda: 0.0),
        clock_s=Clock(),
        listeners=(consumers,),
    )
    await target.poll(Tick(10 * S, 0))
    consumer = Consumer("c", "app", 10 * S, "10.0.0.7", lag_max=7.0)
    assert consumers.all() == (consumer,)
    await target.poll(Tick(20 * S, 0))
    assert consumers.all() == (replace(consumer, gone="app: refused"),)
    await target.close()
    assert consumers.all() == ()
