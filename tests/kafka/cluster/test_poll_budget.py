"""PollBudget: the time one poll waits for one broker, in all and for its own silence only."""

import asyncio
from typing import Any

import pytest

from jmxbridge.kafka.broker import Broker
from jmxbridge.kafka.cluster.poll_budget import MAX_ERRORS, PollBudget
from jmxbridge.kafka.facts.snapshot import Phases
from jmxbridge.kafka.wire.errors import DeadlineExceeded, RequestFailed
from jmxbridge.kafka.wire.requests import ListGroups


class SlowBroker(Broker):
    """Answers after a number of seconds of a clock that nothing else moves."""

    def __init__(self, clock: "Clock", takes_s: float) -> None:
        super().__init__("slow", 9092)
        self.clock = clock
        self.takes_s = takes_s
        self.asked = 0

    async def ask(self, request: Any) -> Any:
        self.asked += 1
        self.clock.now += self.takes_s
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return self.asked


class SilentBroker(Broker):
    """Never answers."""

    async def ask(self, request: Any) -> Any:
        await asyncio.Event().wait()


class Clock:
    """The loop's time."""

    now = 1000.0


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock in the place of the running loop's."""
    clock = Clock()
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: clock.now)
    return clock


async def test_ask_shares_one_deadline_between_sequential_requests(clock: Clock) -> None:
    """Two answers of 3 s each exceed 5 s, though each came early enough."""
    budget, broker = PollBudget(5.0), SlowBroker(clock, 3.0)

    await budget.ask(broker, ListGroups())
    with pytest.raises(DeadlineExceeded, match=r"^slow:9092: no answer in 5 s$"):
        await budget.ask(broker, ListGroups())

    assert budget.lost_a_broker


async def test_ask_charges_a_broker_only_while_a_request_waits(clock: Clock) -> None:
    """While other brokers are slow its budget is not reduced."""
    budget, broker = PollBudget(5.0), SlowBroker(clock, 2.0)
    await budget.ask(broker, ListGroups())
    clock.now += 1000.0

    await budget.ask(broker, ListGroups())

    assert broker.asked == 2
    assert not budget.lost_a_broker


async def test_ask_charges_concurrent_requests_once(clock: Clock) -> None:
    """Ten in flight over the same 3 s cost 3 s."""
    budget, broker = PollBudget(5.0), SlowBroker(clock, 0.3)

    await asyncio.gather(*(budget.ask(broker, ListGroups()) for _ in range(10)))

    await budget.ask(broker, ListGroups())

    assert broker.asked == 11


async def test_ask_does_not_extend_the_deadline_for_a_later_request(clock: Clock) -> None:
    """Asked at 0 s and again at 3 s, silent throughout: at 6 s both have failed."""
    budget, broker = PollBudget(5.0), SilentBroker("silent", 9092)
    first = asyncio.create_task(budget.ask(broker, ListGroups()))
    await asyncio.sleep(0)
    clock.now += 3.0
    second = asyncio.create_task(budget.ask(broker, ListGroups()))
    await asyncio.sleep(0)
    clock.now += 3.0

    outcomes = await asyncio.gather(first, second, return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [DeadlineExceeded, DeadlineExceeded]


async def test_ask_fails_at_once_for_a_broker_that_failed(clock: Clock) -> None:
    """The same error at once, noted once."""
    budget, broker = PollBudget(5.0), SlowBroker(clock, 9.0)
    for _ in range(3):
        with pytest.raises(DeadlineExceeded):
            await budget.ask(broker, ListGroups())

    assert broker.asked == 1
    assert len(budget.errors) == 1


async def test_note_keeps_each_error_once_and_a_limited_number(clock: Clock) -> None:
    """A thousand refused groups do not make a thousand lines of log."""
    budget = PollBudget(5.0)
    budget.note(RequestFailed("same"))
    budget.note("same")
    assert budget.errors == ["same"]

    for number in range(2 * MAX_ERRORS):
        budget.note(f"group {number}")

    assert len(budget.errors) == MAX_ERRORS


async def test_phases_has_the_time_of_each_lap(clock: Clock) -> None:
    """A lap under the same name adds to it; a phase without a lap took no time."""
    budget = PollBudget(5.0)
    for phase, seconds in (("list_groups_ms", 1), ("list_ends_ms", 2), ("list_ends_ms", 4)):
        clock.now += seconds
        budget.lap(phase)

    assert budget.phases == Phases(list_groups_ms=1000.0, list_ends_ms=6000.0)
