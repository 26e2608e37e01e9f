"""Changes between two lag polls, as sentences for the log.

Rule: a condition is reported when it begins, and not again while it lasts. The end of one is
reported where it matters: a vanished group that is back, a cluster that answers again, a
transaction that holds up a topic no longer. Delays by a quota come and go from poll to poll, so
they count as one until a broker has had none for a while.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from jmxbridge.kafka.facts.snapshot import Partition, Snapshot
from jmxbridge.kafka.facts.throttling import delay_sentences
from jmxbridge.lag.consumers.client_verdict import (
    ClientFinding,
    ClientVerdict,
    in_words,
    worst_finding,
)
from jmxbridge.lag.history.assessment import Assessment
from jmxbridge.lag.history.open_transactions import OpenTransaction, is_settled
from jmxbridge.lag.output.row_thinning import RowThinning
from jmxbridge.lag.report.transactions import hanging, waiting

MAX_NAMES = 3
"""Names listed in one sentence."""

CALM_POLLS = 60
"""Polls without a delay by a broker's quota, after which the next one is reported again."""


class PollChange(NamedTuple):
    """One sentence; a warning, or else news."""

    text: str
    is_warning: bool = True


class PollChanges:
    """Compares each poll with the one before it; `vanished` are the groups known to be gone."""

    def __init__(self, vanished: Collection[str] = ()) -> None:
        self._vanished = frozenset(vanished)
        self._errors: tuple[str, ...] = ()
        self._describe_errors: tuple[str, ...] = ()
        self._orphaned_topics: frozenset[str] = frozenset()
        self._verdicts: dict[str, ClientVerdict] = {}
        self._rolled_up: tuple[str, ...] = ()
        self._hanging: frozenset[Partition] = frozenset()
        self._calm_polls: dict[str, int] = {}

    def failed(self, error: str) -> list[PollChange]:
        """Compare a poll in which no broker answered."""
        return list(self._new_errors((error,)))

    def take(
        self, snapshot: Snapshot, assessment: Assessment, thinning: RowThinning
    ) -> list[PollChange]:
        """Compare one poll; `thinning` tells which groups have rows by topic only."""
        return [
            *self._new_errors(snapshot.errors),
            *self._new_describe_errors(snapshot),
            *self._newly_throttled(snapshot),
            *self._vanished_groups(snapshot),
            *self._new_orphaned_topics(snapshot),
            *self._new_verdicts(assessment.clients),
            *self._newly_rolled_up(thinning),
            *self._hanging_transactions(snapshot, assessment),
        ]

    def _new_errors(self, errors: tuple[str, ...]) -> Iterator[PollChange]:
        yield from (PollChange(error) for error in errors if error not in self._errors)
        self._errors = errors

    def _new_describe_errors(self, snapshot: Snapshot) -> Iterator[PollChange]:
        if snapshot.memberships is None:  # this poll did not ask for members
            return
        errors = snapshot.describe_errors
        yield from (PollChange(error) for error in errors if error not in self._describe_errors)
        self._describe_errors = errors

    def _newly_throttled(self, snapshot: Snapshot) -> Iterator[PollChange]:
        sentences = delay_sentences(snapshot.throttled_ms)
        yield from (
            PollChange(sentence)
            for broker, sentence in sentences.items()
            if broker not in self._calm_polls
        )
        calm_polls = {broker: polls + 1 for broker, polls in self._calm_polls.items()}
        calm_polls |= dict.fromkeys(sentences, 0)
        self._calm_polls = {b: polls for b, polls in calm_polls.items() if polls < CALM_POLLS}

    def _vanished_groups(self, snapshot: Snapshot) -> Iterator[PollChange]:
        for group in sorted(snapshot.vanished - self._vanished):
            yield PollChange(f"group {group} has vanished; its lag goes on from its last commits")
        for group in sorted(self._vanished & snapshot.groups.keys()):
            yield PollChange(f"group {group} is back", is_warning=False)
        self._vanished = snapshot.vanished

    def _new_orphaned_topics(self, snapshot: Snapshot) -> Iterator[PollChange]:
        """Compare topics, not partitions: brokers delete commits with the topic, so it is rare."""
        topics = frozenset(topic for topic, _ in snapshot.orphaned)
        if new_topics := sorted(topics - self._orphaned_topics):
            yield PollChange(f"commits to partitions that no longer exist: {_listed(new_topics)}")
        self._orphaned_topics = topics

    def _new_verdicts(self, clients: Mapping[str, Sequence[ClientFinding]]) -> Iterator[PollChange]:
        verdicts: dict[str, ClientVerdict] = {}
        for group, findings in clients.items():
            finding = worst_finding(findings)
            if finding.verdict is ClientVerdict.NONE:
                continue
            verdicts[group] = finding.verdict
            if self._verdicts.get(group) is not finding.verdict:
                yield PollChange(f"group {group}: {in_words(finding)}")
        self._verdicts = verdicts

    def _newly_rolled_up(self, thinning: RowThinning) -> Iterator[PollChange]:
        groups = tuple(thinning.rolled_up)
        if groups and groups != self._rolled_up:
            yield PollChange(
                f"more than {thinning.max_rows:,} partitions (kafka.max_rows), so these groups get"
                f" rows by topic only: {_listed(groups)}"
            )
        self._rolled_up = groups

    def _hanging_transactions(
        self, snapshot: Snapshot, assessment: Assessment
    ) -> Iterator[PollChange]:
        """Compare topics; a partition that could not be read is as it was."""
        groups: dict[str, list[str]] = {}
        open_now: dict[str, dict[int, OpenTransaction]] = {}
        for (group, topic), transactions in hanging(assessment).items():
            groups.setdefault(topic, []).append(group)
            open_now.setdefault(topic, {}).update(
                {transaction.partition: transaction for transaction in transactions}
            )
        partitions = {(topic, index) for topic, indexes in open_now.items() for index in indexes}
        partitions |= {
            partition for partition in self._hanging if not is_settled(partition, snapshot)
        }
        before = {topic for topic, _ in self._hanging}
        for topic in sorted(open_now.keys() - before):
            oldest = min(open_now[topic].values(), key=lambda transaction: transaction.since_ns)
            yield PollChange(
                f"{waiting(topic, open_now[topic].values())}; groups that read committed records"
                f" cannot read on: {_listed(sorted(groups[topic]))}. Who left it open:"
                f" kafka-transactions.sh describe-producers --topic {topic}"
                f" --partition {oldest.partition}"
            )
        for topic in sorted(before - {topic for topic, _ in partitions}):
            text = f"no records of {topic} wait behind a transaction open for long any more"
            yield PollChange(text, is_warning=False)
        self._hanging = frozenset(partitions)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:MAX_NAMES]) + (", …" if len(names) > MAX_NAMES else "")
