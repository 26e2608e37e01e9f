"""The schedule: ticks on the grid, and the rules due at each, whatever the clock does."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.mbeans.rule import Rule
from jmxbridge.pollers.schedule import (
    SPREAD_SHARE,
    SPREAD_STEP_NS,
    RuleSchedule,
    Tick,
    due_after,
    is_due,
    last_due,
    spread_ns,
    ticks,
)

S = 1_000_000_000
instants = st.integers(min_value=0, max_value=4_000_000_000 * S)
intervals = st.integers(min_value=100_000_000, max_value=3600 * S)


@given(now=instants, interval=intervals)
def test_due_after_is_on_the_grid_and_at_most_one_interval_away(now: int, interval: int) -> None:
    """A poll waits for a whole multiple of the interval, never longer than one interval."""
    due = due_after(now, interval)
    assert due % interval == 0
    assert 0 < due - now <= interval
    assert last_due(due, interval) == due


@given(start=instants, interval=intervals, ratio=st.integers(1, 50), count=st.integers(1, 20))
def test_is_due_once_in_each_interval_of_a_rule(
    start: int, interval: int, ratio: int, count: int
) -> None:
    """Over `count` of its own intervals a rule with `every` is due exactly `count` times."""
    first = due_after(start, interval)
    ticks_due = [
        is_due(first + n * interval, interval_ns=interval, every_ns=ratio * interval)
        for n in range(ratio * count)
    ]
    assert sum(ticks_due) == count


class Clock:
    """A wall clock that a test moves: by sleeping, by a poll, or by a step during a sleep."""

    def __init__(
        self, now_ns: int, polls_ns: Iterable[int] = (), *, asleep_ns: Iterable[int] = ()
    ) -> None:
        self.now_ns = now_ns
        self.polls_ns = iter(polls_ns)
        self.asleep_ns = iter(asleep_ns)

    def read(self) -> int:
        return self.now_ns

    async def sleep(self, seconds: float) -> None:
        self.now_ns += round(seconds * S) + next(self.asleep_ns, 0)

    def poll(self) -> None:
        self.now_ns += next(self.polls_ns, 0)


async def take(
    count: int, clock: Clock, interval_ns: int = 10 * S, offset_ns: int = 0
) -> list[Tick]:
    """Return the first ticks; each is followed by a poll."""
    taken: list[Tick] = []
    async for tick in ticks(
        interval_ns, offset_ns=offset_ns, clock_ns=clock.read, sleep=clock.sleep
    ):
        taken.append(tick)
        if len(taken) == count:
            break
        clock.poll()
    return taken


async def test_ticks_follow_the_grid() -> None:
    """Polls that take no time come at every instant of the grid."""
    assert await take(3, Clock(3 * S)) == [
        Tick(10 * S, 0),
        Tick(20 * S, 0),
        Tick(30 * S, 0),
    ]


async def test_ticks_skip_and_count_instants_that_pass_during_a_poll() -> None:
    """A poll of 25 s at an interval of 10 s skips two instants; they are not made up for."""
    assert await take(2, Clock(0, [25 * S])) == [Tick(10 * S, 0), Tick(40 * S, 2)]


async def test_ticks_do_not_repeat_an_instant_if_the_timer_fires_early() -> None:
    """The loop's timer and the wall clock differ a little; the next tick is still the next one."""
    assert await take(2, Clock(0, asleep_ns=[-1000])) == [Tick(10 * S, 0), Tick(20 * S, 0)]


async def test_ticks_go_on_at_once_after_a_step_back() -> None:
    """After a step back of an hour the next poll is due within one interval, not in an hour."""
    ticks_seen = await take(2, Clock(7200 * S, [-3600 * S]))
    assert ticks_seen == [Tick(7210 * S, 0), Tick(3620 * S, 0)]


async def test_ticks_count_instants_that_pass_while_the_machine_sleeps() -> None:
    """A minute of sleep during the wait is six instants without a poll."""
    clock = Clock(3 * S, asleep_ns=[0, 60 * S])
    assert await take(3, clock) == [Tick(10 * S, 0), Tick(80 * S, 6), Tick(90 * S, 0)]


@pytest.mark.parametrize("step", [-3600 * S, 3600 * S, 10 * S, -11 * S])
async def test_ticks_have_the_time_of_the_clock_after_the_wait(step: int) -> None:
    """If the clock is set during the wait, or the machine sleeps, no point gets a wrong time."""
    clock = Clock(7203 * S, asleep_ns=[step])
    first, second = await take(2, clock, offset_ns=2 * S)
    assert first.due_ns == last_due(7212 * S + step - 2 * S, 10 * S)
    assert second.due_ns == first.due_ns + 10 * S


@pytest.mark.parametrize(
    ("now", "due"), [(3 * S, 10 * S), (11 * S, 10 * S), (12 * S, 20 * S), (19 * S, 20 * S)]
)
async def test_ticks_with_an_offset_have_the_timestamp_of_the_instant(now: int, due: int) -> None:
    """Two seconds after each instant; a start in between still gets that instant's tick."""
    clock = Clock(now)

    assert await take(2, clock, offset_ns=2 * S) == [
        Tick(due, 0, 2 * S),
        Tick(due + 10 * S, 0, 2 * S),
    ]
    assert clock.now_ns == due + 12 * S


@given(count=st.integers(1, 1000), interval=intervals)
def test_spread_starts_targets_in_the_first_part_of_an_interval(count: int, interval: int) -> None:
    """The first one at once, the others a step apart while there is room, none beyond the share."""
    offsets = [spread_ns(index, interval) for index in range(count)]

    assert offsets[0] == 0
    assert max(offsets) <= interval * SPREAD_SHARE
    room = int(interval * SPREAD_SHARE) // SPREAD_STEP_NS
    assert offsets[:room] == [index * SPREAD_STEP_NS for index in range(min(count, room))]


@pytest.mark.parametrize("every", [15 * S, 30 * S, 70 * S])
def test_is_due_for_an_every_that_is_no_multiple_of_the_interval(every: int) -> None:
    """Over a long time a rule is due as often as its `every` says, rounded to ticks."""
    due = [is_due(n * 10 * S, interval_ns=10 * S, every_ns=every) for n in range(1, 2101)]
    assert sum(due) == 2100 * 10 * S // every


def test_rule_schedule_reads_rules_with_every_at_some_ticks() -> None:
    """A rule without `every` is due at each tick; the order is that of the file."""
    bean = ObjectName.parse("a:type=T")
    always, seldom = Rule("s", (bean,), "m", {}, ()), Rule("s", (bean,), "m", {}, (), every_s=30.0)
    schedule = RuleSchedule((seldom, always), 10 * S)
    due = [schedule.due(n * 10 * S) for n in range(1, 7)]
    assert due == [[always], [always], [seldom, always]] * 2
