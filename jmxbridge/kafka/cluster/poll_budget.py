"""The book of one poll: who may still be asked and for how long, what went wrong, what it cost.

Rule: a broker is waited for `timeout_s` in all, however many requests the poll has for it, and once
it failed it is left out for the rest of the poll. Otherwise the phases of a poll would each wait
for the same dead broker.

What counts is the time during which at least one request to the broker was waiting, so a broker
pays for its own silence only, not for that of others.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from jmxbridge.kafka.broker import Broker
from jmxbridge.kafka.wire.codec import Api
from jmxbridge.kafka.wire.errors import BrokerFailed, DeadlineExceeded, KafkaError, RequestFailed
from jmxbridge.kafka.wire.requests import Request

T = TypeVar("T")

MAX_ERRORS = 50
"""Sentences kept of one poll: enough to name every broker of a cluster in trouble; a broker that
refuses each of a thousand groups must not fill the log."""


class PollBudget:
    """One poll's requests. Everything that goes wrong is noted once, whoever handles it."""

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self.requests = 0
        self.errors: list[str] = []
        self.answered: set[Broker] = set()
        self._accounts: dict[Broker, _BrokerBudget] = {}

    async def ask(self, broker: Broker, request: Request[T]) -> T:
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
        """Whether any broker failed in this round."""
        return any(account.failure is not None for account in self._accounts.values())

    def note(self, problem: object) -> None:
        """Keep a sentence for people; the same one once, and not more than MAX_ERRORS."""
        sentence = str(problem)
        if sentence not in self.errors and len(self.errors) < MAX_ERRORS:
            self.errors.append(sentence)

    async def _within(self, broker: Broker, work: Callable[[], Awaitable[T]]) -> T:
        account = self._accounts.setdefault(broker, _BrokerBudget(self.timeout_s))
        if account.failure is not None:
            raise type(account.failure)(*account.failure.args)
        try:
            with account:
                async with asyncio.timeout_at(account.deadline):
                    return await work()
        except TimeoutError:
            failure: KafkaError = DeadlineExceeded(f"{broker}: no answer in {self.timeout_s:g} s")
        except (BrokerFailed, RequestFailed) as exc:
            failure = exc
        if isinstance(failure, BrokerFailed):
            if account.failure is None:
                account.failure = failure
                self.note(failure)
            broker.abandon(failure)
        else:
            self.note(failure)
        raise failure


class _BrokerBudget:
    """How long a broker may still be waited for; entered by each request that waits."""

    def __init__(self, allowance_s: float) -> None:
        self.failure: BrokerFailed | None = None
        self.deadline = 0.0
        self._left_s = allowance_s
        self._waiting = 0
        self._clock = asyncio.get_running_loop().time

    def __enter__(self) -> None:
        if self._waiting == 0:
            self.deadline = self._clock() + self._left_s
        self._waiting += 1

    def __exit__(self, *exc: object) -> None:
        self._waiting -= 1
        if self._waiting == 0:
            self._left_s = max(0.0, self.deadline - self._clock())
