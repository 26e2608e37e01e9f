"""Removal of rows whose checksum is wrong.

Rule: nothing in a row with a wrong checksum is trusted, least of all its sizes and counts. So the
account is not corrected by what the row claims: every row is read again, and the difference between
the account and the sound rows is counted as dropped. The damaged rows stay readable, each in a file
next to the store.
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


def quarantine(ledger: Ledger, file: StoreFile) -> None:
    """Remove every damaged row in one transaction; raises StoreError, and then none is removed."""
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
            file.save_damaged(f"{table}-{row[0]}", "\n".join(_texts(table, row)).encode())
            deleted = ledger.db.execute(f"DELETE FROM {table} WHERE id = ?", row[:1])  # noqa: S608
            if deleted.rowcount != 1:  # not in the table's tree: more than this row is damaged
                raise StoreDamaged(f"{ledger.path}: {table} {row[0]} is out of place")
        if not damaged:  # the caller has just read one
            raise StoreDamaged(f"{ledger.path}: a damaged row cannot be found again")
        dropped_dead = account.dead_lettered - letter_count
        return replace(
            account,
            pending=pending,
            pending_bytes=size,
            dead_lettered=letter_count,
            dead_bytes=letter_bytes,
            dropped=account.dropped + account.pending - pending + dropped_dead,
            dropped_dead=account.dropped_dead + dropped_dead,
        )

    before = ledger.account
    ledger.change(recount)
    log.error(
        "%s: %d rows do not match their checksums: moved to %s.damaged-*; their %d lines are"
        " counted as dropped",
        ledger.path,
        len(damaged),
        ledger.path,
        ledger.account.dropped - before.dropped,
    )


def _texts(table: str, row: tuple[Any, ...]) -> Iterator[str]:
    """Yield a row's values as text; packed lines as far as they can be unpacked."""
    for value in row:
        if isinstance(value, bytes):
            content = readable(value, chunks.CHUNK_BYTES) if table == "chunk" else value
            yield content.decode("utf-8", "replace")
        else:
            yield str(value)
