"""Account of a store: the number of lines ever appended, by where they are now.

Rule: its row is read when the store is opened, and written in every transaction together with the
lines that moved. In between it is this value, which a transaction takes and returns changed.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from jmxbridge.store.schema import checksum
from jmxbridge.store.values import Counts


@dataclass(frozen=True, slots=True)
class Account:
    """The row of table `account`: see `Counts`; `head_done` lines of chunk `head` are settled."""

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
        """Return how many of a chunk's lines are still pending."""
        return lines - self.head_done if chunk == self.head else lines

    def without(self, chunk: int, lines: int, size: int) -> "Account":
        """Return the account without a chunk; the caller adds its pending lines elsewhere."""
        account = replace(
            self,
            pending=self.pending - self.waiting(chunk, lines),
            pending_bytes=self.pending_bytes - size,
        )
        return replace(account, head=0, head_done=0) if chunk == self.head else account

    def counts(self, oldest_pending_ns: int | None) -> Counts:
        """Return the account without the columns that are internal to the store."""
        values = asdict(self)
        del values["head"], values["head_done"]
        return Counts(**values, oldest_pending_ns=oldest_pending_ns)


COLUMNS = tuple(field.name for field in fields(Account))
_READ = f"SELECT {', '.join(COLUMNS)}, crc FROM account"  # noqa: S608 - constants
_WRITE = f"UPDATE account SET {', '.join(f'{c} = :{c}' for c in COLUMNS)}, crc = :crc"  # noqa: S608


def read(db: sqlite3.Connection) -> Account | None:
    """Read the account; None if its row is missing or its checksum is wrong."""
    row = db.execute(_READ).fetchone()
    return None if row is None else decode(row)


def decode(row: Sequence[Any]) -> Account | None:
    """Return the account of a row's values, the checksum last; None if that is wrong."""
    *values, crc = row
    return Account(*values) if checksum("account", *values) == crc else None


def write(db: sqlite3.Connection, account: Account) -> None:
    """Write the account to its row, in the transaction that moves the lines."""
    values = asdict(account)
    db.execute(_WRITE, {**values, "crc": checksum("account", *values.values())})
