"""The spool against a model: no sequence of calls, crashes and full disks loses or repeats a line.

The model is a list of chunks. A crash is a copy of the files as they are, opened again, which is
what a killed process leaves behind; in the middle of a transaction too.

Damage is a crash whose copy has a flipped bit, or lost its end. Then lines may be missing or back
from an earlier moment, but never in silence, changed, or out of order; the model goes on
from there.
"""

import contextlib
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from jmxbridge.store import DeadLine, StoreForeign, StoreFull, StorePaused, StoreReader
from jmxbridge.store.account import Account
from jmxbridge.store.chunks import CHUNK_COST
from jmxbridge.store.dead_letters import DEAD_LETTER_COST
from jmxbridge.store.file import StoreFile
from jmxbridge.store.packed import Packed, text_of
from jmxbridge.store.spool import Spool
from jmxbridge.store.values import Batch
from tests.store.noise import noise

MAX_BYTES = 8 * (CHUNK_COST + 60)
MAX_DEAD_BYTES = 12 * DEAD_LETTER_COST


@dataclass
class Chunk:
    """One append: its lines, how many from the front are settled, its time."""

    lines: list[bytes]
    time_ns: int
    done: int = 0

    @property
    def size(self) -> int:
        """What it counts against the bound."""
        return len(Packed.of(text_of(self.lines)).data) + CHUNK_COST


@dataclass
class Model:
    """What the spool must hold."""

    chunks: list[Chunk] = field(default_factory=list)
    dead: list[tuple[bytes, str]] = field(default_factory=list)
    sampled: int = 0
    stored: int = 0
    dropped: int = 0
    expired: int = 0

    @property
    def moment(self) -> tuple[object, ...]:
        """All of it, to be compared with a later one."""
        counts = (self.sampled, self.stored, self.dropped, self.expired)
        return (*counts, tuple(self.pending), tuple(self.dead))

    @property
    def pending(self) -> list[bytes]:
        """The waiting lines in order."""
        return [line for chunk in self.chunks for line in chunk.lines[chunk.done :]]

    def append(self, lines: list[bytes], time_ns: int, retain_ns: int | None) -> None:
        """One poll, and what has to give way to it."""
        self.sampled += len(lines)
        self.chunks.append(Chunk(lines, time_ns))
        if retain_ns is not None:
            for chunk in [c for c in self.chunks if c.time_ns < time_ns - retain_ns]:
                self.chunks.remove(chunk)
                self.expired += len(chunk.lines) - chunk.done
        while sum(chunk.size for chunk in self.chunks) > MAX_BYTES:
            chunk = self.chunks.pop(0)
            self.dropped += len(chunk.lines) - chunk.done

    def settle(self, held: list[tuple[Chunk, int]], dead: dict[int, str]) -> None:
        """Book held lines (their chunk and number) that are still pending."""
        for index, (chunk, number) in enumerate(held):
            if not any(c is chunk for c in self.chunks) or number < chunk.done:
                continue
            chunk.done = number + 1
            if index in dead:
                self.dead.append((chunk.lines[number], dead[index]))
            else:
                self.stored += 1
        self.chunks = [c for c in self.chunks if c.done < len(c.lines)]
        while sum(dead_size(line, why) for line, why in self.dead) > MAX_DEAD_BYTES:
            self.dead.pop(0)
            self.dropped += 1


def dead_size(line: bytes, reason: str) -> int:
    """What a dead letter counts against its bound."""
    return len(line) + len(reason) + DEAD_LETTER_COST


def next_of(waiting: list[list[bytes]], taken: int) -> list[bytes]:
    """What must fit for more to be taken: a whole chunk, or of the first one the next line."""
    for lines in waiting:
        if taken < len(lines):
            return lines if lines is not waiting[0] else lines[taken : taken + 1]
        taken -= len(lines)
    return []


class SpoolMachine(RuleBasedStateMachine):
    """Every rule does the same to the spool and to the model; the invariants compare them."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="spool-")
        self.path = Path(self.folder.name) / "0.sqlite3"
        self.generation = 0
        self.model = Model()
        self.batch: Batch | None = None
        self.held: list[tuple[Chunk, int]] = []
        self.number = 0
        self.now_ns = 0
        self.moments = [self.model.moment]
        self.torn = False  # the file, where the log may hide it, or be hidden by a take-over
        self.left: list[Spool] = []  # of killed processes; the files are closed at the end

    @initialize(retain_s=st.sampled_from([None, 5e-9]))
    def begin(self, retain_s: float | None) -> None:
        """With InfluxDB, or without (lines expire after 5 ns)."""
        self.retain_s = retain_s
        self.spool = self.open()

    def open(self) -> Spool:
        """The spool at the present path."""
        return Spool(
            StoreFile.open(self.path),
            max_bytes=MAX_BYTES,
            retain_s=self.retain_s,
            max_dead_bytes=MAX_DEAD_BYTES,
            clock_ns=lambda: self.now_ns,
        )

    def lines(self, count: int) -> list[bytes]:
        """Lines no other poll has."""
        self.number += count
        return [b"m v=%di" % n for n in range(self.number - count, self.number)]

    @rule(count=st.integers(0, 6), step_ns=st.integers(-2, 4))
    def append(self, count: int, step_ns: int) -> None:
        """A poll, now and then a late one."""
        self.now_ns = max(0, self.now_ns + step_ns)
        lines = self.lines(count)
        self.spool.append(lines, time_ns=self.now_ns, source="a")
        if lines:
            retain_ns = None if self.retain_s is None else int(self.retain_s * 1e9)
            self.model.append(lines, self.now_ns, retain_ns)

    @rule(max_lines=st.integers(1, 20), max_bytes=st.integers(1, 100))
    def take(self, max_lines: int, max_bytes: int) -> None:
        """What is taken is the front of what is pending, within the bounds."""
        self.batch = self.spool.take(max_lines=max_lines, max_bytes=max_bytes)
        pending = self.model.pending
        lines = [] if self.batch is None else list(self.batch.lines)
        assert lines == pending[: len(lines)]
        assert len(lines) <= max_lines
        size = len(text_of(lines))
        assert size <= max_bytes or len(lines) == 1
        waiting = [chunk.lines[chunk.done :] for chunk in self.model.chunks]
        following = next_of(waiting, len(lines))
        if following:  # it stopped for what did not fit, not too early
            too_many = len(lines) + len(following) > max_lines
            assert too_many or size + len(text_of(following)) > max_bytes
        numbered = [(c, n) for c in self.model.chunks for n in range(c.done, len(c.lines))]
        self.held = numbered[: len(lines)]

    @precondition(lambda self: self.batch is not None)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        """The front of a batch that was taken some time ago, with holes."""
        assert self.batch is not None
        count = data.draw(st.integers(0, len(self.batch.lines)))
        dead = data.draw(
            st.sets(st.integers(0, count - 1), max_size=4) if count else st.just(set())
        )
        reasons = {index: f"reason {index}" for index in dead}
        front = self.batch.first(count)
        self.spool.settle(front, [DeadLine(i, why) for i, why in reasons.items()])
        self.model.settle(self.held[:count], reasons)

    @precondition(lambda self: self.model.dead)
    @rule(first=st.integers(0, 5), count=st.integers(1, 5))
    def replay(self, first: int, count: int) -> None:
        """Dead letters' lines are pending again, at the end, or nothing moved for want of room."""
        letters = self.spool.dead_letters(1000)[::-1][first : first + count]
        chunks = [Chunk([letter.line], letter.time_ns) for letter in letters]
        room = MAX_BYTES - sum(chunk.size for chunk in self.model.chunks)
        ids = [letter.id for letter in letters]
        if sum(chunk.size for chunk in chunks) > room:
            with pytest.raises(StorePaused):
                self.spool.replay(ids)
            return
        assert self.spool.replay(ids) == len(letters)
        del self.model.dead[first : first + count]
        self.model.chunks += chunks

    @precondition(lambda self: self.model.dead)
    @rule(first=st.integers(0, 5), count=st.integers(1, 5))
    def purge(self, first: int, count: int) -> None:
        """Dead letters that are given up are dropped, and counted."""
        ids = [letter.id for letter in self.spool.dead_letters(1000)[::-1]][first : first + count]
        assert self.spool.purge([*ids, 10**9]) == len(ids)
        del self.model.dead[first : first + count]
        self.model.dropped += len(ids)

    @rule()
    def verify(self) -> None:
        """Somebody who looks from outside finds nothing wrong, and as many lines as wait."""
        audit = StoreReader(self.path).verify()
        assert (audit.problems, audit.lines) == ((), len(self.model.pending))

    @rule()
    def reopen(self) -> None:
        """An orderly restart; what was taken may still be settled by ids."""
        self.spool.close()
        self.spool = self.open()
        self.torn = False

    @rule()
    def crash(self) -> None:
        """A kill: the files as they are."""
        self.copy_files()

    @rule(count=st.integers(1, 4))
    def crash_in_a_transaction(self, count: int) -> None:
        """A kill before the commit: the append never was."""

        def die(account: Account) -> Account:
            self.copy_files()
            raise Killed

        dying = self.spool
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(dying, "_drop_oldest", die)
            with contextlib.suppress(Killed):
                dying.append(self.lines(count), time_ns=self.now_ns, source="a")

    @rule()
    def fill_the_disk(self) -> None:
        """An append that does not fit raises and changes nothing."""
        database = self.spool._file.connection
        (pages,) = database.execute("PRAGMA page_count").fetchone()
        (free,) = database.execute("PRAGMA freelist_count").fetchone()
        database.execute(f"PRAGMA max_page_count = {pages}")
        line = b'm v="%s"' % noise(5000 * (free + 2), free)
        with pytest.raises(StoreFull):
            self.spool.append([line], time_ns=self.now_ns, source="a")
        database.execute("PRAGMA max_page_count = 1073741823")

    @rule(
        of_log=st.booleans(),
        truncated=st.booleans(),
        where=st.floats(0, 1, exclude_max=True),
        bit=st.integers(0, 7),
    )
    def damage(self, of_log: bool, truncated: bool, where: float, bit: int) -> None:
        """A flipped bit or a lost tail of either file: the account balances, lines are lines.

        The log alone brings back an earlier moment, whole. Only the file's header says whose it is.
        """
        sound = self.path
        self.leave_files()
        of_log &= Path(f"{self.path}-wal").stat().st_size > 0
        victim = Path(f"{self.path}{'-wal' if of_log else ''}")
        body = bytearray(victim.read_bytes())
        if truncated:
            offset = int(where * len(body))
            del body[offset:]
        else:
            used = [n for n, byte in enumerate(body) if byte]  # most of a small file is zeros
            offset = used[int(where * len(used))]
            body[offset] ^= 1 << bit
        victim.write_bytes(body)
        try:
            self.spool = self.open()
        except StoreForeign:
            assert not of_log
            assert not truncated
            assert offset < 100
            self.path = sound
            self.copy_files()
            return
        self.look_over(of_log)

    def look_over(self, of_log: bool) -> None:
        """Read all there is, check it against the past, and take it for the model."""
        before = self.model
        everything = self.spool.take(max_lines=10**6, max_bytes=10**9)
        letters = self.spool.dead_letters(1000)[::-1]
        counts = self.spool.counts()
        account = self.spool._account
        self.model = Model(
            [
                Chunk(stored.packed.lines, stored.time_ns, stored.count - left)
                for stored in self.spool._read(0)
                for left in (account.waiting(stored.id, stored.count),)
            ],
            [(letter.line, letter.reason) for letter in letters],
            *(counts.sampled, counts.stored, counts.dropped, counts.expired),
        )
        self.batch = None
        assert ([] if everything is None else list(everything.lines)) == self.model.pending
        if of_log and not self.torn:
            assert self.model.moment in self.moments
        self.torn |= not of_log
        known = {b"m v=%di" % n for n in range(self.number)}
        assert set(self.model.pending) | {line for line, _ in self.model.dead} <= known
        left = [line for line in before.pending if line in set(self.model.pending)]
        again = [line for line in self.model.pending if line in set(left)]
        assert again == left
        assert StoreReader(self.path).verify().problems == ()

    def copy_files(self) -> None:
        """Go on with a copy; the process that had the original is no more."""
        self.leave_files()
        self.spool = self.open()

    def leave_files(self) -> None:
        """Copy the files as they are, for the next process."""
        self.generation += 1
        copy = self.path.with_name(f"{self.generation}.sqlite3")
        for suffix in ("", "-wal"):
            source = Path(f"{self.path}{suffix}")
            if source.exists():
                shutil.copyfile(source, f"{copy}{suffix}")
        self.path = copy
        self.left.append(self.spool)

    @invariant()
    def same_lines_and_counts(self) -> None:
        """Pending lines, dead letters and every counter are the model's; the account balances."""
        if not hasattr(self, "spool"):
            return
        everything = self.spool.take(max_lines=10**6, max_bytes=10**9)
        assert ([] if everything is None else list(everything.lines)) == self.model.pending
        letters = [(letter.line, letter.reason) for letter in self.spool.dead_letters(1000)]
        assert letters[::-1] == self.model.dead
        counts = self.spool.counts()
        assert counts.sampled == self.model.sampled
        assert counts.stored == self.model.stored
        assert counts.pending == len(self.model.pending)
        assert counts.dead_lettered == len(self.model.dead)
        assert counts.dropped == self.model.dropped
        assert counts.expired == self.model.expired
        assert counts.pending_bytes == sum(chunk.size for chunk in self.model.chunks) <= MAX_BYTES
        places = counts.stored + counts.pending + counts.dead_lettered
        assert counts.sampled == places + counts.dropped + counts.expired
        self.moments.append(self.model.moment)

    def teardown(self) -> None:
        """Close all files before the folder goes."""
        if hasattr(self, "spool"):
            self.left.append(self.spool)
        for spool in self.left:
            spool.close()
        self.folder.cleanup()


class Killed(BaseException):
    """The process ends here."""


TestSpoolMachine = pytest.mark.slow(SpoolMachine.TestCase)
TestSpoolMachine.settings = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
