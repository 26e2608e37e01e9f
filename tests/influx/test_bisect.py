"""Search for refused lines, with servers that store the rest of a batch or none of it."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jmxbridge.influx.bisect import BUDGET, Bisection
from jmxbridge.influx.pace import Pace
from jmxbridge.influx.verdict import Action, Verdict

STORED = Verdict(Action.STORED, "204")
REFUSED = Verdict(Action.REFUSED, "400", message="unable to parse")
TOO_LARGE = Verdict(Action.TOO_LARGE, "413", text="the server's limit")
HOLD = Verdict(Action.HOLD, "401")
RETRY = Verdict(Action.RETRY, "503")


@dataclass
class Server:
    """Refuses some lines; `partial` stores the others of their batch, as 1.8 does."""

    bad: set[int]
    partial: bool = False
    counts: bool = False
    largest: int = 10**9
    stored: list[int] = field(default_factory=list)
    requests: int = 0

    def write(self, part: range) -> Verdict:
        """Answer a request."""
        self.requests += 1
        if len(part) > self.largest:
            return TOO_LARGE
        refused = [line for line in part if line in self.bad]
        if not refused or self.partial:
            self.stored += [line for line in part if line not in self.bad]
        if not refused:
            return STORED
        return Verdict(Action.REFUSED, "400", dropped=len(refused) if self.counts else None)


def run(search: Bisection, server: Server) -> None:
    """Run a search to its end."""
    while (part := search.part) is not None:
        search.answer(server.write(part))


servers = st.builds(
    Server,
    bad=st.sets(st.integers(0, 63)),
    partial=st.booleans(),
    counts=st.booleans(),
    largest=st.sampled_from([1, 3, 10**9]),
)


@settings(deadline=None)
@given(server=servers, lines=st.integers(1, 64))
def test_bisection_finds_exactly_the_refused_lines(server: Server, lines: int) -> None:
    """Every good line is stored, every bad one is dead, in order, for both kinds of server."""
    search = Bisection(lines, budget=1000)

    run(search, server)

    bad = sorted(line for line in server.bad if line < lines)
    assert [line.index for line in search.dead] == bad
    assert search.decided == lines
    assert set(server.stored) == set(range(lines)) - set(bad)
    first_stored = list(dict.fromkeys(server.stored))
    if not server.partial:
        assert first_stored == sorted(first_stored)


@settings(deadline=None)
@given(server=servers, lines=st.integers(1, 64), budget=st.integers(8, 40))
def test_an_exhausted_budget_leaves_the_rest_pending(
    server: Server, lines: int, budget: int
) -> None:
    """A search that stops early has decided the front of the batch; the next one continues."""
    start, dead, searches = 0, [], 0
    while start < lines:
        search = Bisection(lines - start, budget=budget)
        before = server.requests
        shifted = Server({b - start for b in server.bad}, server.partial, server.counts)
        run(search, shifted)
        assert shifted.requests <= budget
        assert search.decided > 0
        dead += [line.index + start for line in search.dead]
        assert all(line.index < search.decided for line in search.dead)
        start += search.decided
        searches += 1
        assert before == server.requests

    assert dead == sorted(line for line in server.bad if line < lines)


@settings(deadline=None)
@given(bad=st.sets(st.integers(0, 4999), max_size=5))
def test_few_refused_lines_cost_few_requests(bad: set[int]) -> None:
    """About 2·log2(n) requests for each refused line; one request if there is none."""
    server = Server(bad)

    run(Bisection(5000, budget=1000), server)

    assert server.requests <= 1 + len(bad) * 2 * 13


def test_a_batch_refused_as_a_whole_costs_one_request() -> None:
    """A server that reports as many refused lines as it was sent has decided all of them."""
    server = Server(set(range(5000)), counts=True)
    search = Bisection(5000)

    run(search, server)

    assert server.requests == 1
    assert len(search.dead) == search.decided == 5000


@pytest.mark.parametrize("verdict", [HOLD, RETRY])
def test_a_verdict_about_the_server_stops_the_search(verdict: Verdict) -> None:
    """Decided lines stay decided; no line is dead because of the server."""
    search = Bisection(8)
    for answer in (REFUSED, REFUSED, STORED, verdict):
        search.answer(answer)

    assert search.part is None
    assert search.stopped == verdict
    assert search.decided == 2
    assert search.dead == []


def test_a_single_line_too_large_is_dead() -> None:
    """It cannot be split; without a message of the server, our text is the reason."""
    search = Bisection(1)

    search.answer(TOO_LARGE)

    assert [line.reason for line in search.dead] == ["413: the server's limit"]


def test_the_reason_is_the_servers_message() -> None:
    """Status and message of the answer to this line alone."""
    search = Bisection(1)

    search.answer(REFUSED)

    assert [line.reason for line in search.dead] == ["400: unable to parse"]


def test_every_batch_advances_within_the_budget() -> None:
    """The first line of the largest batch is decided long before the budget ends."""
    assert 2 * Pace().max_lines.bit_length() < BUDGET
