"""The grid: what is due when, whatever the clock does."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.pollers.schedule import (
    SPREAD_SHARE,
    SPREAD_STEP_NS,
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
def test_the_next_instant_is_on_the_grid_and_at_most_one_interval_away(
    now: int, interval: int
) -> None:
    """A poll waits for a whole multiple of the interval, never longer than one interval."""
    due = due_after(now, interval)
    assert due % interval == 0
    assert 0 < due - now <= interval
    assert last_due(due, interval) == due


@given(start=instants, interval=intervals, ratio=st.integers(1, 50), count=st.integers(1, 20))
def test_what_is_read_less_often_is_read_once_in_each_of_its_own_intervals(
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
    """A wall clock that a test moves: by sleeping, and by what happens in a sleep or in a poll."""

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
    found: list[Tick] = []
    async for tick in ticks(
        interval_ns, offset_ns=offset_ns, clock_ns=clock.read, sleep=clock.sleep
    ):
        found.append(tick)
        if len(found) == count:
            break
        clock.poll()
    return found


async def test_ticks_follow_the_grid() -> None:
    """Polls that take no time come at every instant of the grid."""
    assert await take(3, Clock(3 * S)) == [
        Tick(10 * S, 0),
        Tick(20 * S, 0),
        Tick(30 * S, 0),
    ]


async def test_instants_that_pass_during_a_poll_are_skipped_and_counted() -> None:
    """A poll of 25 s at an interval of 10 s leaves out two instants; they are not made up for."""
    assert await take(2, Clock(0, [25 * S])) == [Tick(10 * S, 0), Tick(40 * S, 2)]


async def test_a_timer_that_wakes_early_does_not_repeat_the_instant() -> None:
    """The loop's timer and the wall clock differ a little; the next tick is still the next one."""
    assert await take(2, Clock(0, asleep_ns=[-1000])) == [Tick(10 * S, 0), Tick(20 * S, 0)]


async def test_a_clock_set_back_goes_on_at_once() -> None:
    """After a step back of an hour the next poll is due within one interval, not in an hour."""
    ticks_seen = await take(2, Clock(7200 * S, [-3600 * S]))
    assert ticks_seen == [Tick(7210 * S, 0), Tick(3620 * S, 0)]


async def test_instants_that_pass_while_the_machine_sleeps_are_counted() -> None:
    """A minute of it in the wait for a tick is six instants without a poll."""
    clock = Clock(3 * S, asleep_ns=[0, 60 * S])
    assert await take(3, clock) == [Tick(10 * S, 0), Tick(80 * S, 6), Tick(90 * S, 0)]


@pytest.mark.parametrize("step", [-3600 * S, 3600 * S, 10 * S, -11 * S])
async def test_a_poll_has_the_time_that_it_is(step: int) -> None:
    """A clock that is set during the wait, or a machine that sleeps, makes no point of then."""
    clock = Clock(7203 * S, asleep_ns=[step])
    first, second = await take(2, clock, offset_ns=2 * S)
    assert first.due_ns == last_due(7212 * S + step - 2 * S, 10 * S)
    assert second.due_ns == first.due_ns + 10 * S


@pytest.mark.parametrize(
    ("now", "due"), [(3 * S, 10 * S), (11 * S, 10 * S), (12 * S, 20 * S), (19 * S, 20 * S)]
)
async def test_a_poll_that_begins_later_has_the_timestamp_of_its_instant(
    now: int, due: int
) -> None:
    """Two seconds after each instant; one started in between still makes the instant's poll."""
    clock = Clock(now)

    assert await take(2, clock, offset_ns=2 * S) == [
        Tick(due, 0, 2 * S),
        Tick(due + 10 * S, 0, 2 * S),
    ]
    assert clock.now_ns == due + 12 * S


@given(count=st.integers(1, 1000), interval=intervals)
def test_targets_begin_one_after_the_other_in_the_first_part_of_an_interval(
    count: int, interval: int
) -> None:
    """The first at once, a step apart while there is room, never beyond the share; always alike."""
    offsets = [spread_ns(index, interval) for index in range(count)]

    assert offsets[0] == 0
    assert max(offsets) <= interval * SPREAD_SHARE
    room = int(interval * SPREAD_SHARE) // SPREAD_STEP_NS
    assert offsets[:room] == [index * SPREAD_STEP_NS for index in range(min(count, room))]


@pytest.mark.parametrize("every", [15 * S, 30 * S, 70 * S])
def test_every_need_not_be_a_multiple_of_the_interval(every: int) -> None:
    """Over a long time a rule is due as often as its `every` says, rounded to ticks."""
    due = [is_due(n * 10 * S, interval_ns=10 * S, every_ns=every) for n in range(1, 2101)]
    assert sum(due) == 2100 * 10 * S // every
