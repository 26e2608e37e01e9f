"""The account: how many lines there ever were, and where each of them is.

Rule: its row is read when the store is opened and written in every transaction, beside the lines
that moved. In between it is this value, which a transaction takes and returns changed.
"""

from dataclasses import asdict, dataclass, fields, replace

from jmxbridge.store.values import Counts


@dataclass(frozen=True, slots=True)
class Account:
    """The row `account`: see `Counts`; `head_done` lines of chunk `head` are settled."""

    sampled: int
    stored: int
    pending: int
    dead_lettered: int
    dropped: int
    dropped_dead: int
    expired: int
    pending_bytes: int
    dead_bytes: int
    head: int
    head_done: int

    def waiting(self, chunk: int, lines: int) -> int:
        """How many of a chunk's lines are still pending."""
        return lines - self.head_done if chunk == self.head else lines

    def without(self, chunk: int, lines: int, size: int) -> "Account":
        """The account once a chunk is gone; its pending lines are the caller's to book."""
        left = replace(
            self,
            pending=self.pending - self.waiting(chunk, lines),
            pending_bytes=self.pending_bytes - size,
        )
        return replace(left, head=0, head_done=0) if chunk == self.head else left

    def counts(self, oldest_pending_ns: int | None) -> Counts:
        """The account as others see it."""
        values = asdict(self)
        del values["head"], values["head_done"]
        return Counts(**values, oldest_pending_ns=oldest_pending_ns)


COLUMNS = tuple(field.name for field in fields(Account))
READ_ACCOUNT = f"SELECT {', '.join(COLUMNS)} FROM account"  # noqa: S608
WRITE_ACCOUNT = f"UPDATE account SET {', '.join(f'{c} = :{c}' for c in COLUMNS)}"  # noqa: S608
