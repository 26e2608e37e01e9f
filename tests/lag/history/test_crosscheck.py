"""Cross-check of a consumer: findings from its JMX metrics and its group's offsets."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from jmxbridge.kafka.facts.members import Member, Membership
from jmxbridge.kafka.facts.snapshot import Group, Snapshot
from jmxbridge.lag.consumers.client_verdict import ClientFinding, ClientVerdict
from jmxbridge.lag.consumers.consumer import Consumer
from jmxbridge.lag.history.crosscheck import Crosscheck, match_members
from jmxbridge.lag.history.lag_history import LagHistory
from jmxbridge.lag.rows import compute_lags
from jmxbridge.times import NS

INTERVAL_NS = 10 * NS
ANSWERING = Consumer("c", "app", 0, lag_max=0.0, consumed_total=0.0)


@dataclass
class Story:
    """A group `g` with one member on one partition, poll by poll."""

    polls: int = 0
    consumer: Consumer | None = ANSWERING
    committed: int | None = 0
    end: int = 0
    state: str = "Stable"
    members: tuple[Member, ...] = (Member("c-1", "c", "/10.0.0.7", (("t", 0),)),)
    history: LagHistory = field(default_factory=lambda: LagHistory(interval_ns=INTERVAL_NS))
    check: Crosscheck = field(default_factory=lambda: Crosscheck(interval_ns=INTERVAL_NS))

    def poll(self, *, reads: int = 0, writes: int = 0, commits: int = 0) -> Sequence[ClientFinding]:
        """Poll once, after so many records read, written and committed since the last poll."""
        time_ns = self.polls * INTERVAL_NS
        self.polls += 1
        self.end += writes
        if commits:
            self.committed = (self.committed or 0) + commits
        if self.consumer is not None and self.consumer.gone is None:
            total = (self.consumer.consumed_total or 0) + reads
            self.consumer = replace(self.consumer, time_ns=time_ns, consumed_total=total)
        commits_of_g = {} if self.committed is None else {"t": {0: self.committed}}
        snapshot = Snapshot(
            groups={"g": Group("g", 1, state=self.state)},
            commits={"g": commits_of_g},
            end_offsets={"t": {0: self.end}},
            memberships={"g": Membership("g", self.state, self.members)},
        )
        lags = compute_lags(snapshot)
        row_statuses = self.history.take(lags, snapshot, time_ns).partitions
        consumers = () if self.consumer is None else (self.consumer,)
        return self.check.take(lags, row_statuses, snapshot, consumers, time_ns).get("g", ())

    def verdict(self, polls: int, **counts: int) -> ClientVerdict:
        """Poll so many times, with the same counts; return the last verdict."""
        for _ in range(polls - 1):
            self.poll(**counts)
        (finding,) = self.poll(**counts)
        return finding.verdict


def test_a_consumer_that_reads_while_its_commit_stands_does_not_commit() -> None:
    """By its own count it keeps up: over a window, not before."""
    story = Story(end=1)
    assert story.verdict(5, reads=10, writes=10) is ClientVerdict.NONE
    assert story.verdict(8, reads=10, writes=10) is ClientVerdict.READS_NOT_COMMITS


def test_a_consumer_that_never_committed_does_not_commit() -> None:
    """Its partition has no lag, because there is no commit to count from."""
    story = Story(committed=None)
    assert story.verdict(10, reads=10, writes=10) is ClientVerdict.NONE
    assert story.verdict(2, reads=10, writes=10) is ClientVerdict.READS_NOT_COMMITS
    assert story.verdict(1, reads=10, writes=10, commits=500) is ClientVerdict.NONE


def test_a_consumer_with_its_first_batch_has_no_verdict() -> None:
    """It read once and has been busy since: its first commit may still come."""
    story = Story(committed=None)
    story.poll(reads=500, writes=1000)
    assert story.verdict(30, writes=10) is ClientVerdict.NONE


def test_a_consumer_whose_jvm_is_gone_is_dead() -> None:
    """While it is a member and after it has left; alive again when its JVM answers."""
    story = Story(end=5)
    story.verdict(3, writes=10, reads=10, commits=10)
    assert story.consumer is not None
    alive = story.consumer
    story.consumer = replace(alive, gone="Connection refused")
    assert story.verdict(4, writes=10) is ClientVerdict.NONE
    story.state, story.members = "Empty", ()
    assert story.verdict(2, writes=10) is ClientVerdict.DEAD
    (finding,) = story.poll()
    assert (finding.age_s, finding.lag) == (70.0, 65)
    story.consumer = alive
    assert story.verdict(1) is ClientVerdict.NONE


def test_a_consumer_without_a_count_reads_by_its_rate() -> None:
    """A JVM may give the rate alone: it covers the last half minute."""
    for rate, verdict in ((1.0, ClientVerdict.READS_NOT_COMMITS), (0.0, ClientVerdict.NONE)):
        check, history = Crosscheck(interval_ns=INTERVAL_NS), LagHistory(interval_ns=INTERVAL_NS)
        consumer = replace(ANSWERING, consumed_total=None, consumed_rate=rate)
        member = Member("c-1", "c", "/10.0.0.7", (("t", 0),))
        snapshot = Snapshot(
            groups={"g": Group("g", 1, state="Stable")},
            commits={"g": {"t": {0: 0}}},
            end_offsets={"t": {0: 9}},
            memberships={"g": Membership("g", "Stable", (member,))},
        )
        for n in range(12):
            lags, time_ns = compute_lags(snapshot), n * INTERVAL_NS
            row_statuses = history.take(lags, snapshot, time_ns).partitions
            findings = check.take(lags, row_statuses, snapshot, [consumer], time_ns)
        assert [finding.verdict for finding in findings["g"]] == [verdict]


def test_a_gone_consumer_without_lag_has_no_verdict() -> None:
    """A stopped consumer leaves no record unread."""
    story = Story()
    story.verdict(2)
    assert story.consumer is not None
    story.consumer = replace(story.consumer, gone="closed")
    story.state, story.members = "Empty", ()
    assert story.verdict(15) is ClientVerdict.NONE


def test_a_consumer_that_reads_less_than_is_written_is_slow() -> None:
    """Its own lag grows, and so does the offset lag."""
    story = Story(end=100)
    for n in range(12):
        assert story.consumer is not None
        story.consumer = replace(story.consumer, lag_max=100.0 + 5 * n)
        story.poll(reads=5, writes=10, commits=5)
    assert story.verdict(1, reads=5, writes=10, commits=5) is ClientVerdict.SLOW


def test_a_consumer_busy_with_what_it_fetched_is_slow_too() -> None:
    """It counts records when all it fetched is used up; its own lag shows there is more."""
    story = Story(end=100)
    assert story.consumer is not None
    story.consumer = replace(story.consumer, lag_max=60.0)
    assert story.verdict(13, writes=10, commits=5) is ClientVerdict.SLOW


def test_a_consumer_that_fetches_nothing_has_no_verdict() -> None:
    """Paused or busy: it is alive, and only the offsets say that they stand still."""
    story = Story(end=100)
    assert story.verdict(14) is ClientVerdict.NONE
    (finding,) = story.poll()
    assert "paused, or busy with" in finding.why


@pytest.mark.parametrize("missing", ["consumer", "members"])
def test_a_consumer_known_from_one_side_has_no_finding(missing: str) -> None:
    """No JMX, or no membership: no finding at all, not even ClientVerdict.NONE."""
    story = Story(end=100)
    if missing == "consumer":
        story.consumer = None
    else:
        story.members = ()
    for _ in range(14):
        assert story.poll() == ()


def test_a_silent_coordinator_gives_no_finding() -> None:
    """The group has no commits in that poll, which is not `never committed`."""
    story = Story()
    story.poll()
    snapshot = Snapshot(groups={"g": Group("g", 1)}, commits={}, end_offsets={}, complete=False)
    assert story.consumer is not None
    assert story.check.take(compute_lags(snapshot), (), snapshot, [story.consumer], NS) == {}


def test_members_of_a_gone_group_are_forgotten_in_incomplete_polls_too() -> None:
    """A partition without a leader may keep every poll incomplete for months."""
    check = Crosscheck(interval_ns=INTERVAL_NS)
    membership = Membership("g", "Stable", (Member("c-1", "c", "/10.0.0.7", (("t", 0),)),))
    no_group = Snapshot(groups={}, commits={}, end_offsets={}, complete=False)
    listed = replace(no_group, groups={"g": Group("g", 1)}, memberships={"g": membership})
    for n, poll in enumerate((listed, no_group, replace(no_group, gone=frozenset("g")))):
        assert vars(check)["_members"].keys() == ({"g"} if n else set())
        check.take(compute_lags(poll), (), poll, (), n * INTERVAL_NS)

    assert vars(check)["_members"] == {}


def test_match_members_uses_the_host_where_a_client_id_repeats() -> None:
    """Where the host repeats too, nothing matches."""
    one, two = Member("1", "c", "/10.0.0.1", ()), Member("2", "c", "/10.0.0.2", ())
    here, there = Consumer("c", "app-1", 0, "10.0.0.1"), Consumer("c", "app-2", 0, "10.0.0.2")
    assert list(match_members({"g": [one, two]}, [there, here])) == [
        ("g", two, there),
        ("g", one, here),
    ]
    assert list(match_members({"g": [one], "h": [one]}, [here])) == []
    twin = replace(here, target="app-3")
    assert list(match_members({"g": [one, two]}, [here, twin])) == []
    assert list(match_members({"g": [one, two]}, [replace(here, host=None)])) == []
    assert list(match_members({"g": [one]}, [replace(here, host="192.168.0.9")])) != []
