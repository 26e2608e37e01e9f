"""The two sides of a consumer, and what is made of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.kafka.facts.members import Member, Membership
from jmxbridge.kafka.facts.snapshot import Group, Snapshot
from jmxbridge.lag.consumers.client_verdict import (
    ClientFacts,
    ClientFinding,
    ClientVerdict,
    decide,
    in_words,
)
from jmxbridge.lag.consumers.consumer import Consumer
from jmxbridge.lag.history.crosscheck import Crosscheck, match
from jmxbridge.lag.history.lag_history import LagHistory
from jmxbridge.lag.rows import compute_lags

S = 1_000_000_000
INTERVAL_NS = 10 * S
TALKING = Consumer("c", "app", 0, lag_max=0.0, consumed_total=0.0)


@dataclass
class Story:
    """A group `g` with one member on one partition; polls go by, each as it is told."""

    polls: int = 0
    consumer: Consumer | None = TALKING
    committed: int | None = 0
    end: int = 0
    state: str = "Stable"
    members: tuple[Member, ...] = (Member("c-1", "c", "/10.0.0.7", (("t", 0),)),)
    outlook: LagHistory = field(default_factory=lambda: LagHistory(interval_ns=INTERVAL_NS))
    check: Crosscheck = field(default_factory=lambda: Crosscheck(interval_ns=INTERVAL_NS))

    def poll(self, *, reads: int = 0, writes: int = 0, commits: int = 0) -> Sequence[ClientFinding]:
        """One poll, at which so many records were read, written and committed since the last."""
        time_ns = self.polls * INTERVAL_NS
        self.polls += 1
        self.end += writes
        if commits:
            self.committed = (self.committed or 0) + commits
        if self.consumer is not None and self.consumer.gone is None:
            total = (self.consumer.consumed_total or 0) + reads
            self.consumer = replace(self.consumer, time_ns=time_ns, consumed_total=total)
        known = {} if self.committed is None else {"t": {0: self.committed}}
        snapshot = Snapshot(
            groups={"g": Group("g", 1, state=self.state)},
            commits={"g": known},
            end_offsets={"t": {0: self.end}},
            memberships={"g": Membership("g", self.state, self.members)},
        )
        lags = compute_lags(snapshot)
        judged = self.outlook.take(lags, snapshot, time_ns).partitions
        consumers = () if self.consumer is None else (self.consumer,)
        return self.check.take(lags, judged, snapshot, consumers, time_ns).get("g", ())

    def client(self, polls: int, **each: int) -> ClientVerdict:
        """So many polls, all alike; the last one's verdict."""
        for _ in range(polls - 1):
            self.poll(**each)
        (finding,) = self.poll(**each)
        return finding.verdict


def test_who_reads_and_never_moves_its_commit_reads_and_does_not_commit() -> None:
    """It keeps up by its own count while its commit stands: over a window, not before."""
    story = Story(end=1)
    assert story.client(5, reads=10, writes=10) is ClientVerdict.NONE
    assert story.client(8, reads=10, writes=10) is ClientVerdict.READS_NOT_COMMITS


def test_who_has_never_committed_at_all_is_found_too() -> None:
    """Its partition has no lag, for nothing is known to count from."""
    story = Story(committed=None)
    assert story.client(10, reads=10, writes=10) is ClientVerdict.NONE
    assert story.client(2, reads=10, writes=10) is ClientVerdict.READS_NOT_COMMITS
    assert story.client(1, reads=10, writes=10, commits=500) is ClientVerdict.NONE


def test_who_has_a_first_batch_at_work_is_not_accused() -> None:
    """It read once and has been busy ever since: its first commit may still come."""
    story = Story(committed=None)
    story.poll(reads=500, writes=1000)
    assert story.client(30, writes=10) is ClientVerdict.NONE


def test_whose_jvm_is_gone_is_dead() -> None:
    """As long as it is listed and after it has left the group; alive again when it is read."""
    story = Story(end=5)
    story.client(3, writes=10, reads=10, commits=10)
    assert story.consumer is not None
    alive = story.consumer
    story.consumer = replace(alive, gone="Connection refused")
    assert story.client(4, writes=10) is ClientVerdict.NONE
    story.state, story.members = "Empty", ()
    assert story.client(2, writes=10) is ClientVerdict.DEAD
    (finding,) = story.poll()
    assert (finding.age_s, finding.lag) == (70.0, 65)
    story.consumer = alive
    assert story.client(1) is ClientVerdict.NONE


def test_who_is_gone_with_nothing_left_to_read_is_no_news() -> None:
    """A stopped consumer without lag misses nothing."""
    story = Story()
    story.client(2)
    assert story.consumer is not None
    story.consumer = replace(story.consumer, gone="closed")
    story.state, story.members = "Empty", ()
    assert story.client(15) is ClientVerdict.NONE


def test_who_takes_less_than_is_written_is_slow() -> None:
    """Both sides grow, and both move."""
    story = Story(end=100)
    for n in range(12):
        assert story.consumer is not None
        story.consumer = replace(story.consumer, lag_max=100.0 + 5 * n)
        story.poll(reads=5, writes=10, commits=5)
    assert story.client(1, reads=5, writes=10, commits=5) is ClientVerdict.SLOW


def test_who_takes_long_for_what_it_has_is_slow_as_well() -> None:
    """It counts what it fetched when all of it is used up; that there is more left says enough."""
    story = Story(end=100)
    assert story.consumer is not None
    story.consumer = replace(story.consumer, lag_max=60.0)
    assert story.client(13, writes=10, commits=5) is ClientVerdict.SLOW


def test_who_fetches_nothing_is_neither() -> None:
    """Paused, or at work: it is there, and the offsets alone say that they stand still."""
    story = Story(end=100)
    assert story.client(14) is ClientVerdict.NONE
    (finding,) = story.poll()
    assert "paused, or busy with" in finding.why


@pytest.mark.parametrize("missing", ["consumer", "members"])
def test_one_side_alone_says_nothing(missing: str) -> None:
    """No JMX, or no membership: no finding at all, not even a good one."""
    story = Story(end=100)
    if missing == "consumer":
        story.consumer = None
    else:
        story.members = ()
    for _ in range(14):
        assert story.poll() == ()


def test_a_coordinator_that_does_not_answer_leaves_one_side() -> None:
    """The group has no commits in that poll; it is not 'never committed'."""
    story = Story()
    story.poll()
    snapshot = Snapshot(groups={"g": Group("g", 1)}, commits={}, end_offsets={}, complete=False)
    assert story.consumer is not None
    assert story.check.take(compute_lags(snapshot), (), snapshot, [story.consumer], S) == {}


def test_members_of_a_group_that_is_gone_are_forgotten_though_no_poll_is_complete() -> None:
    """One partition without a leader, for months, in which groups come and go."""
    check = Crosscheck(interval_ns=INTERVAL_NS)
    membership = Membership("g", "Stable", (Member("c-1", "c", "/10.0.0.7", (("t", 0),)),))
    nobody = Snapshot(groups={}, commits={}, end_offsets={}, complete=False)
    there = replace(nobody, groups={"g": Group("g", 1)}, memberships={"g": membership})
    for n, poll in enumerate((there, nobody, replace(nobody, gone=frozenset("g")))):
        assert vars(check)["_members"].keys() == ({"g"} if n else set())
        check.take(compute_lags(poll), (), poll, (), n * INTERVAL_NS)

    assert vars(check)["_members"] == {}


def test_a_client_id_that_repeats_is_told_by_its_host() -> None:
    """Where that repeats as well, nobody can tell, and nobody does."""
    one, two = Member("1", "c", "/10.0.0.1", ()), Member("2", "c", "/10.0.0.2", ())
    here, there = Consumer("c", "app-1", 0, "10.0.0.1"), Consumer("c", "app-2", 0, "10.0.0.2")
    assert list(match({"g": [one, two]}, [there, here])) == [("g", two, there), ("g", one, here)]
    assert list(match({"g": [one], "h": [one]}, [here])) == []
    twin = replace(here, target="app-3")
    assert list(match({"g": [one, two]}, [here, twin])) == []
    assert list(match({"g": [one, two]}, [replace(here, host=None)])) == []
    assert list(match({"g": [one]}, [replace(here, host="192.168.0.9")])) != []


@given(st.builds(ClientFacts, **dict.fromkeys(ClientFacts._fields, st.booleans())))
def test_every_verdict_rests_on_both_sides(facts: ClientFacts) -> None:
    """Whatever is called by a name has something from JMX and something from the offsets."""
    client, why = decide(facts)
    assert why
    if client is not ClientVerdict.NONE:
        assert facts.gone or facts.reads or facts.has_left
        assert facts.still or facts.behind or facts.never


def test_a_finding_in_words_has_the_numbers_and_their_age() -> None:
    """Who, what, why; what is not committed, what is still to fetch, and since when."""
    consumer = Consumer("c", "app", 0, lag_max=3.0)
    finding = ClientFinding("g", ClientVerdict.READS_NOT_COMMITS, "it reads", consumer, 12.0, 1200)
    assert in_words(finding) == (
        "client c of target app reads but does not commit: it reads (1,200 records not committed"
        " on its worst partition; JMX, 12 s ago: 3 records still to fetch)"
    )
    gone = replace(consumer, gone="Connection refused")
    dead = replace(finding, verdict=ClientVerdict.DEAD, consumer=gone, lag=None, uncommitted=1)
    assert in_words(dead).endswith(
        "(no commit on 1 partition; JMX, last read 12 s ago: Connection refused)"
    )
