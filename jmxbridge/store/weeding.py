"""Taking out rows that say something else than was written.

Rule: a row with a wrong checksum is believed in nothing, its sizes and numbers least of all. So the
account is not corrected by what the row says: all rows are read again, and what the sound ones do
not have of it is counted as dropped. The damaged rows stay readable in a file beside the store.
"""

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from jmxbridge.store import chunks, dead_letters
from jmxbridge.store.account import Account
from jmxbridge.store.errors import StoreDamaged
from jmxbridge.store.file import StoreFile
from jmxbridge.store.ledger import Ledger
from jmxbridge.store.packed import readable

log = logging.getLogger("jmxbridge.store")


def weed(ledger: Ledger, file: StoreFile) -> None:
    """Take every damaged row out, in one transaction; raises StoreError, and then none is."""
    damaged: list[tuple[str, tuple[Any, ...]]] = []

    def recount(account: Account) -> Account:
        pending = size = letter_count = letter_bytes = 0
        for row in ledger.db.execute(f"SELECT {chunks.COLUMNS} FROM chunk"):  # noqa: S608
            chunk = chunks.decode(row)
            if chunk is None:
                damaged.append(("chunk", row))
            else:
                pending += account.waiting(chunk.id, chunk.count)
                size += chunk.size
        for row in ledger.db.execute(f"SELECT {dead_letters.COLUMNS} FROM dead_letter"):  # noqa: S608
            letter = dead_letters.decode(row)
            if letter is None:
                damaged.append(("dead_letter", row))
            else:
                letter_count += 1
                letter_bytes += dead_letters.size_of(letter)
        for table, row in damaged:
            file.keep(f"{table}-{row[0]}", "\n".join(_texts(table, row)).encode())
            gone = ledger.db.execute(f"DELETE FROM {table} WHERE id = ?", row[:1])  # noqa: S608
            if gone.rowcount != 1:  # no tree leads to it: the row is not all that is wrong
                raise StoreDamaged(f"{ledger.path}: {table} {row[0]} is out of place")
        if not damaged:  # whoever called has met one
            raise StoreDamaged(f"{ledger.path}: a damaged row cannot be found again")
        gone_dead = account.dead_lettered - letter_count
        return replace(
            account,
            pending=pending,
            pending_bytes=size,
            dead_lettered=letter_count,
            dead_bytes=letter_bytes,
            dropped=account.dropped + account.pending - pending + gone_dead,
            dropped_dead=account.dropped_dead + gone_dead,
        )

    before = ledger.account
    ledger.change(recount)
    log.error(
        "%s: %d rows do not match their checksums: set aside as %s.damaged-*; their %d lines are"
        " counted as dropped",
        *(ledger.path, len(damaged), ledger.path, ledger.account.dropped - before.dropped),
    )


def _texts(table: str, row: tuple[Any, ...]) -> Iterator[str]:
    """A row's values, packed lines as far as they can be read."""
    for value in row:
        if isinstance(value, bytes):
            known = readable(value, chunks.CHUNK_BYTES) if table == "chunk" else value
            yield known.decode("utf-8", "replace")
        else:
            yield str(value)
