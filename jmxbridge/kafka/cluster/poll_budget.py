"""Per-broker time budget, cost and errors of one poll.

Rule: a poll waits `timeout_s` for a broker in all, however many requests it has for it, and leaves
a broker out once it has failed. Otherwise each phase of the poll would wait for the same dead
broker.

Only the time during which at least one request to the broker is in flight counts, so a broker pays
for its own silence and not for that of others.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from jmxbridge.kafka.broker import Broker
from jmxbridge.kafka.facts.snapshot import Phases
from jmxbridge.kafka.facts.throttling import delay_clause
from jmxbridge.kafka.wire.api_numbers import Api
from jmxbridge.kafka.wire.codec import KafkaRequest
from jmxbridge.kafka.wire.errors import BrokerFailed, DeadlineExceeded, KafkaError, RequestFailed

T = TypeVar("T")

MAX_ERRORS = 50
"""Errors kept of one poll: enough to name every broker of a cluster in trouble; a broker that
refuses each of a thousand groups must not fill the log."""


class PollBudget:
    """The requests of one poll; every error is noted once, wherever it is handled.

    `timeout_s` is for each broker in all. `warnings` are those of `errors` that left nothing out.
    """

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self.requests = 0
        self.errors: list[str] = []
        self.warnings: set[str] = set()
        self.answered: set[Broker] = set()
        self._brokers: dict[Broker, _BrokerBudget] = {}
        self._clock = asyncio.get_running_loop().time
        self._lap_began_s = self._clock()
        self._laps_ms: dict[str, float] = {}

    async def ask(self, broker: Broker, request: KafkaRequest[T]) -> T:
        """Ask a broker within what is left of its time; raises BrokerFailed or RequestFailed."""

        async def ask() -> T:
            self.requests += 1
            return await broker.ask(request)

        reply = await self._within(broker, ask)
        self.answered.add(broker)
        return reply

    async def version(self, broker: Broker, api: Api) -> int:
        """Return the version in which an API is used; raises BrokerFailed or RequestFailed."""
        return await self._within(broker, lambda: broker.version(api))

    @property
    def lost_a_broker(self) -> bool:
        """Whether any broker failed in this poll."""
        return any(broker.failure is not None for broker in self._brokers.values())

    @property
    def throttled_ms(self) -> dict[str, int]:
        """For how long each broker delayed this poll because of a quota, if it did."""
        return {
            str(broker): ms for broker, own in self._brokers.items() if (ms := own.throttled_ms)
        }

    def lap(self, phase: str) -> None:
        """Add the time since the last lap to a phase, by its name in `Phases`."""
        now_s = self._clock()
        self._laps_ms[phase] = self._laps_ms.get(phase, 0.0) + (now_s - self._lap_began_s) * 1000
        self._lap_began_s = now_s

    @property
    def phases(self) -> Phases:
        """How long each phase took so far."""
        return Phases(**self._laps_ms)

    def note(self, problem: object) -> None:
        """Keep an error as a sentence for people: each once, and at most MAX_ERRORS."""
        sentence = str(problem)
        if sentence not in self.errors and len(self.errors) < MAX_ERRORS:
            self.errors.append(sentence)

    async def _within(self, broker: Broker, work: Callable[[], Awaitable[T]]) -> T:
        own = self._brokers.setdefault(broker, _BrokerBudget(broker, self.timeout_s))
        if own.failure is not None:
            raise type(own.failure)(*own.failure.args)
        try:
            with own:
                async with asyncio.timeout_at(own.deadline_s):
                    return await work()
        except TimeoutError:
            delay = delay_clause(own.throttled_ms)
            failure: KafkaError = DeadlineExceeded(f"{broker.no_answer(self.timeout_s)}{delay}")
        except (BrokerFailed, RequestFailed) as exc:
            failure = exc
        if isinstance(failure, BrokerFailed):
            if own.failure is None:
                own.failure = failure
                self.note(failure)
            broker.abandon(failure)
        else:
            self.note(failure)
        raise failure


class _BrokerBudget:
    """The time left for one broker; each request enters it while it waits."""

    def __init__(self, broker: Broker, allowance_s: float) -> None:
        self._broker = broker
        self._throttled_before_ms = broker.throttled_ms
        self.failure: BrokerFailed | None = None
        self.deadline_s = 0.0
        self._left_s = allowance_s
        self._waiting = 0
        self._clock = asyncio.get_running_loop().time

    @property
    def throttled_ms(self) -> int:
        """For how long the broker has delayed this poll because of a quota."""
        return self._broker.throttled_ms - self._throttled_before_ms

    def __enter__(self) -> None:
        if self._waiting == 0:
            self.deadline_s = self._clock() + self._left_s
        self._waiting += 1

    def __exit__(self, *exc: object) -> None:
        self._waiting -= 1
        if self._waiting == 0:
            self._left_s = max(0.0, self.deadline_s - self._clock())
