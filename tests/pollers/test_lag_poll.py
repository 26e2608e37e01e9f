"""Lag poll of a scripted cluster: points at every tick, whatever the cluster does."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import cast

import pytest

from jmxbridge.kafka.cluster.cluster import Cluster
from jmxbridge.kafka.cluster.group_commits import GroupCommits
from jmxbridge.kafka.cluster.known_brokers import Brokers
from jmxbridge.kafka.cluster.poll_budget import PollBudget
from jmxbridge.kafka.facts.members import Member, Membership
from jmxbridge.kafka.facts.names import NameFilter
from jmxbridge.kafka.facts.snapshot import Group, Partition, Snapshot
from jmxbridge.kafka.wire.errors import KafkaUnavailable
from jmxbridge.lag.consumers.consumer import Consumer
from jmxbridge.lag.history.saved_state import SavedState, decode, encode
from jmxbridge.lag.output.lag_output import LagOutput
from jmxbridge.lag.output.row_thinning import RowThinning
from jmxbridge.lag.tracker import LagTracker
from jmxbridge.lag.uncommitted import Uncommitted
from jmxbridge.pollers.health import Health, StatusLine
from jmxbridge.pollers.lag_poll import LagPoll, Listener, Save
from jmxbridge.pollers.schedule import Tick
from jmxbridge.times import NS


class Scripted:
    """A cluster that gives these answers, one a poll."""

    def __init__(self, *answers: Snapshot | Exception) -> None:
        self.answers = list(answers)
        self.described: list[bool] = []
        self.brokers: Brokers = {}
        self.questions: list[Mapping[Partition, int]] = []

    async def read_commits(self) -> GroupCommits:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        self.answer = answer
        return GroupCommits(PollBudget(1.0), answer.groups, answer.commits, answer.gone)

    async def read_ends(
        self,
        read: GroupCommits,
        *,
        times_ms: Mapping[Partition, int],
        describe: bool,
        assigned: Mapping[str, Membership],
    ) -> Snapshot:
        self.described.append(describe)
        self.questions.append(times_ms)
        return replace(self.answer, commits=read.commits, vanished=read.vanished)

    async def close(self) -> None:
        """Nothing is open."""


def poll_of(
    cluster: Scripted,
    state: SavedState | None = None,
    *,
    thinning: RowThinning | None = None,
    uncommitted: Uncommitted = Uncommitted.SKIP,
    offsets_retention_s: float | None = None,
    save: Save | None = None,
    consumers: Callable[[], Sequence[Consumer]] = tuple,
    listener: Listener | None = None,
) -> LagPoll:
    """Make the lag poll of a scripted cluster."""
    tracker = LagTracker(state, uncommitted=uncommitted, offsets_retention_s=offsets_retention_s)
    output = LagOutput(cluster="prod", thinning=thinning)
    return LagPoll(
        cast(Cluster, cluster),
        tracker,
        output,
        save=save,
        consumers=consumers,
        listener=listener,
        clock_s=lambda: 0.0,
    )


def lag_poll(*answers: Snapshot | Exception) -> LagPoll:
    return poll_of(Scripted(*answers))


def snapshot(committed: int, end: int, *errors: str) -> Snapshot:
    return Snapshot(
        groups={"billing": Group("billing", 1)},
        commits={"billing": {"orders": {0: committed}}},
        end_offsets={"orders": {0: end}},
        complete=not errors,
        errors=errors,
    )


async def test_points_have_the_ticks_timestamp() -> None:
    """Lag rows, roll-ups and the poll's own point have one timestamp, that of the grid."""
    points = list(await lag_poll(snapshot(90, 100)).poll(Tick(30 * NS, 1)))
    assert {point.time_ns for point in points} == {30 * NS}
    assert [point.measurement for point in points] == [
        "kafka_consumer_lag",
        "kafka_consumer_lag_topic",
        "kafka_consumer_lag_group",
        "kafka_consumer_group",
        "jmxbridge_lag_poll",
    ]
    assert points[0].fields["lag"] == 10
    assert points[-1].fields["skipped_ticks"] == 1


async def test_an_unavailable_cluster_gives_one_point() -> None:
    """No broker answers: one point says so, and no row could be read as lag 0."""
    poll = lag_poll(KafkaUnavailable("127.0.0.1:9092: refused"))
    (point,) = await poll.poll(Tick(30 * NS, 0))
    assert point.measurement == "jmxbridge_lag_poll"
    assert point.fields["complete"] is False
    assert poll.line.health is Health.DOWN
    assert poll.line.text == "127.0.0.1:9092: refused"


async def test_errors_are_logged_when_they_begin_and_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An error that lasts is one line; so is the first answer, also after an outage."""
    caplog.set_level(logging.INFO, "jmxbridge")
    bad = "broker 2 (127.0.0.1:9093): refused"
    poll = lag_poll(
        snapshot(0, 1, bad), snapshot(0, 1, bad), KafkaUnavailable("all gone"), snapshot(0, 1)
    )
    for n in range(4):
        await poll.poll(Tick(n * NS, 0))
    assert [record.getMessage() for record in caplog.records] == [
        f"lag poll: {bad}",
        "lag poll: lag 1 · billing 1 · 1 group, 1 partition · incomplete",
        "lag poll: all gone",
        "lag poll: lag 1 · billing 1 · 1 group, 1 partition",
    ]


async def test_the_status_line_names_groups_with_lag() -> None:
    """The total, the groups that make it up, and whether the poll is incomplete."""
    poll = lag_poll(snapshot(0, 1234, "broker 2: refused"), snapshot(5, 5))
    await poll.poll(Tick(NS, 0))
    behind = "lag 1,234 · billing 1,234 · 1 group, 1 partition · incomplete"
    assert poll.line == StatusLine("lag", Health.ALERT, behind)
    await poll.poll(Tick(2 * NS, 0))
    assert poll.line == StatusLine("lag", Health.FINE, "lag 0 · 1 group, 1 partition")


async def test_the_listener_gets_the_snapshot_of_every_poll() -> None:
    """With the topics and whether these are all; build passes them to the MBean rules."""
    heard: list[tuple[set[str], bool]] = []

    def learn(snapshot: Snapshot, brokers: Brokers) -> None:
        heard.append((set(snapshot.end_offsets), snapshot.complete))

    cluster = Scripted(snapshot(1, 2), snapshot(1, 2, "broker 3: no answer"))
    poll = poll_of(cluster, listener=learn)
    await poll.poll(Tick(30 * NS, 0))
    await poll.poll(Tick(60 * NS, 0))
    assert heard == [({"orders"}, True), ({"orders"}, False)]


def gone(end: int) -> Snapshot:
    """Return the poll that finds `billing` gone, or one after it."""
    return Snapshot(
        groups={}, commits={}, end_offsets={"orders": {0: end}}, gone=frozenset({"billing"})
    )


async def test_a_vanished_group_is_logged_once_and_keeps_its_lag(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Rows as before, `vanished` with its state, an error as its status; then it is back."""
    caplog.set_level(logging.INFO, "jmxbridge")
    poll = lag_poll(snapshot(90, 100), gone(150), gone(160), snapshot(160, 160))
    for n in range(2):
        await poll.poll(Tick(n * 10 * NS, 0))
    points = {point.measurement: point for point in await poll.poll(Tick(20 * NS, 0))}
    await poll.poll(Tick(30 * NS, 0))

    assert points["kafka_consumer_lag"].fields["lag"] == 70
    assert points["kafka_consumer_lag"].fields["lag_seconds"] == 20.0
    assert points["kafka_consumer_lag_group"].fields["status"] == "ERR"
    assert points["kafka_consumer_group"].fields == {"vanished": True}
    assert [record.getMessage() for record in caplog.records][1:] == [
        "lag poll: group billing has vanished; its lag goes on from its last commits",
        "lag poll: group billing is back",
    ]


async def test_a_vanished_group_has_no_lag_on_a_recreated_topic() -> None:
    """Its last commits were of another log, and no consumer will read on from them."""
    old, new = {"orders": "1"}, {"orders": "2"}
    answers = [
        *(replace(snap, topic_ids=old) for snap in (snapshot(90, 100), gone(110))),
        *[replace(gone(5000), topic_ids=new)] * 2,
    ]
    poll = lag_poll(*answers)

    seen = [await poll.poll(Tick(n * 10 * NS, 0)) for n in range(1, len(answers) + 1)]

    rows = [[p for p in points if p.measurement == "kafka_consumer_lag"] for points in seen]
    assert [row.fields["lag"] for row in rows[1]] == [20]
    assert rows[3] == []


async def test_a_recreated_partition_may_get_its_leader_later() -> None:
    """Last commits to it are forgotten with those to the other partitions."""

    def seen(*ends: int, id_: str) -> Snapshot:
        offsets = {"orders": dict(enumerate(ends))}
        return replace(gone(0), end_offsets=offsets, topic_ids={"orders": id_})

    first = Snapshot(
        groups={"billing": Group("billing", 1)},
        commits={"billing": {"orders": {0: 90, 1: 90}}},
        end_offsets={"orders": {0: 100, 1: 100}},
        topic_ids={"orders": "1"},
    )
    answers = (first, seen(100, 100, id_="1"), seen(500, id_="2"), seen(500, 500, id_="2"))
    poll = lag_poll(*answers)

    points = [await poll.poll(Tick(n * 10 * NS, 0)) for n in range(1, len(answers) + 1)]

    assert [p for p in points[-1] if p.measurement == "kafka_consumer_lag"] == []


async def test_the_next_run_continues_from_the_saved_state() -> None:
    """Vanished groups, and the history of what is behind: saved after a minute and at the end."""
    saved: list[SavedState] = []

    async def save(state: SavedState) -> None:
        saved.append(state)

    def run(state: SavedState, *answers: Snapshot) -> LagPoll:
        cluster = Scripted(*answers)
        return poll_of(cluster, state=state, save=save)

    first = run(SavedState(), snapshot(90, 100), snapshot(90, 110), gone(120))
    for n in range(3):
        await first.poll(Tick((100 + n * 10) * NS, 0))
    await first.close()
    assert len(saved) == 2
    assert saved[-1].groups["billing"].vanished_ns == 120 * NS

    second = run(saved[-1], gone(120))
    points = {point.measurement: point for point in await second.poll(Tick(200 * NS, 0))}
    await second.close()

    fields = points["kafka_consumer_lag"].fields
    assert fields["lag"] == 30
    assert (fields["lag_seconds"], fields["lag_seconds_min"]) == (100.0, True)


async def test_a_topic_recreated_between_two_runs_has_no_old_lag() -> None:
    """A group that had read everything before it vanished leaves only its commits."""
    saved: list[SavedState] = []

    async def save(state: SavedState) -> None:
        saved.append(decode(encode(state), wants_group=NameFilter(), wants_topic=NameFilter()))

    def run(state: SavedState, *answers: Snapshot) -> LagPoll:
        cluster = Scripted(*answers)
        return poll_of(cluster, state=state, save=save)

    first = run(SavedState(), replace(snapshot(90, 90), topic_ids={"orders": "1"}))
    await first.poll(Tick(100 * NS, 0))
    await first.close()
    second = run(saved[-1], *[replace(gone(5000), topic_ids={"orders": "2"})] * 2)
    points = [await second.poll(Tick(n * NS, 0)) for n in (200, 210)]
    await second.close()

    assert [p for p in points[-1] if p.measurement == "kafka_consumer_lag"] == []


async def test_state_is_saved_after_the_clock_was_set_back() -> None:
    """A machine that started a year ahead: a crash still costs a minute, not that year."""
    saved: list[SavedState] = []

    async def save(state: SavedState) -> None:
        saved.append(state)

    cluster = Scripted(*[snapshot(5, 5)] * 4)
    poll = poll_of(cluster, save=save)
    for second in (365 * 86_400, 10, 20, 70):
        await poll.poll(Tick(second * NS, 0))
        await asyncio.sleep(0)

    assert len(saved) == 3


async def test_an_empty_groups_countdown_survives_a_restart() -> None:
    """With its state, at every poll: seconds until Kafka deletes its offsets."""
    empty = replace(snapshot(5, 5), groups={"billing": Group("billing", 1, "consumer", "Empty")})
    saved: list[SavedState] = []

    async def save(state: SavedState) -> None:
        saved.append(state)

    async def left(state: SavedState, *seconds: int) -> list[object]:
        cluster = Scripted(*[empty] * len(seconds))
        poll = poll_of(cluster, offsets_retention_s=100, state=state, save=save)
        countdown: list[object] = []
        for second in seconds:
            points = await poll.poll(Tick(second * NS, 0))
            countdown += [p.fields["expires_in_seconds"] for p in points if "state" in p.fields]
        await poll.close()
        return countdown

    assert await left(SavedState(), 0, 10) == [100.0, 90.0]
    assert await left(saved[-1], 50) == [50.0]


async def test_nothing_is_saved_before_the_first_answer() -> None:
    """What the last run saved stays in place."""
    saved: list[SavedState] = []

    async def save(state: SavedState) -> None:
        saved.append(state)

    cluster = Scripted(KafkaUnavailable("refused"))
    poll = poll_of(cluster, save=save)
    await poll.poll(Tick(30 * NS, 0))
    await poll.close()

    assert saved == []


async def test_members_are_read_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    """At the first poll, then a minute later; an error that lasts is one line."""
    plain = snapshot(0, 1)
    described = replace(plain, memberships={}, describe_errors=("group 'billing': refused",))
    answers = [described, *[plain] * 5, described, plain]
    cluster = Scripted(*answers)
    poll = poll_of(cluster)
    for n in range(len(answers)):
        await poll.poll(Tick(n * 10 * NS, 0))

    assert cluster.described == [True, *[False] * 5, True, False]
    assert [r.getMessage() for r in caplog.records] == ["lag poll: group 'billing': refused"]


async def test_members_are_read_at_the_next_poll_after_an_outage() -> None:
    """A cluster that was away when members were due has not been asked."""
    cluster = Scripted(KafkaUnavailable("away"), snapshot(0, 1))
    poll = poll_of(cluster)
    for n in range(2):
        await poll.poll(Tick(n * 10 * NS, 0))

    assert cluster.described == [True]  # at the second poll, the first that got so far


async def test_a_deleted_topic_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """While commits to it are left; again after it existed in between."""
    gone = replace(snapshot(5, 5), end_offsets={}, orphaned=frozenset({("orders", 0)}))
    poll = lag_poll(snapshot(5, 5), gone, gone, snapshot(5, 5), gone)
    counts = []
    for n in range(5):
        points = {point.measurement: point for point in await poll.poll(Tick(n * 10 * NS, 0))}
        counts.append(points["jmxbridge_lag_poll"].fields["orphaned"])

    expected = "lag poll: commits to partitions that no longer exist: orders"
    warnings = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert warnings == [expected, expected]
    assert counts == [0, 1, 1, 0, 1]


async def test_rolled_up_groups_are_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """The group is named when its rows begin to be left out, not at every poll."""
    many = replace(
        snapshot(0, 5),
        commits={"billing": {"orders": {0: 1, 1: 1}}},
        end_offsets={"orders": {0: 5, 1: 5}},
    )
    cluster = Scripted(many, many, snapshot(0, 5), many)
    poll = poll_of(cluster, thinning=RowThinning(max_rows=1))
    for n in range(4):
        await poll.poll(Tick(n * 10 * NS, 0))

    expected = (
        "lag poll: more than 1 partitions (kafka.max_rows),"
        " so these groups get rows by topic only: billing"
    )
    warnings = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert warnings == [expected, expected]


async def test_a_consumers_verdict_is_a_field_of_its_group(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """And one line in the log; a group without polled consumers has no such field."""
    member = Member("c-1", "c", "/10.0.0.7", (("orders", 0),))
    gone = Consumer("c", "app", 0, "10.0.0.7", consumed_total=5.0, gone="Connection refused")
    described = replace(
        snapshot(0, 9),
        groups={"billing": Group("billing", 1, state="Stable")},
        memberships={"billing": Membership("billing", "Stable", (member,))},
    )
    cluster = Scripted(*[described] * 14)
    poll = poll_of(cluster, consumers=lambda: (gone,))
    groups = []
    for n in range(14):
        points = await poll.poll(Tick(n * 10 * NS, 0))
        groups += [p.fields for p in points if p.measurement == "kafka_consumer_lag_group"]

    assert [fields["client"] for fields in groups] == ["none"] * 10 + ["dead"] * 4
    assert groups[-1].items() >= {
        ("client_code", 3),
        ("client_worst", "c"),
        ("client_age_seconds", 130.0),
        ("clients_polled", 1),
    }
    assert "client_lag_max" not in groups[-1]
    lines = [r.getMessage() for r in caplog.records if "is dead" in r.getMessage()]
    assert len(lines) == 1
    assert lines[0].startswith("lag poll: group billing: client c of target app is dead: ")
    alone = await lag_poll(snapshot(0, 9)).poll(Tick(NS, 0))
    assert not any("client" in point.fields for point in alone)


async def test_a_group_that_was_not_described_keeps_its_members() -> None:
    """A coordinator that is silent for a minute takes no lag away that depends on them."""
    member = Member("c-1", "c", "/10.0.0.7", (("orders", 1),))
    plain = replace(
        snapshot(5, 9), end_offsets={"orders": {0: 9, 1: 7}}, start_offsets={"orders": {1: 2}}
    )
    known = replace(plain, memberships={"billing": Membership("billing", "Stable", (member,))})
    silent = replace(plain, memberships={})
    cluster = Scripted(known, *[plain] * 5, silent, plain)
    poll = poll_of(cluster, uncommitted=Uncommitted.EARLIEST)
    sums = []
    for n in range(8):
        points = await poll.poll(Tick(n * 10 * NS, 0))
        sums += [p.fields["lag_sum"] for p in points if p.measurement == "kafka_consumer_lag_group"]

    assert sums == [9] * 8
