"""Transfer of account, lines and dead letters from a damaged file into a new one.

Rule: the account continues, so no line vanishes from it: what can be read is pending or a dead
letter as before, what cannot is counted as dropped. Each chunk and each dead letter is a
transaction of its own: when the disk fills up or the process is killed half-way, the rest stays in
the file that was set aside.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from jmxbridge.store import chunks, dead_letters
from jmxbridge.store.account import Account
from jmxbridge.store.errors import StoreFull
from jmxbridge.store.ledger import Ledger
from jmxbridge.store.recovery.damaged_store import DamagedStore, RescuedLines
from jmxbridge.store.values import DeadLetter

log = logging.getLogger("jmxbridge.store")

Step = Callable[[Account], Account]


def rescue(ledger: Ledger, aside: Path, before: Account | None = None) -> None:
    """Fill a new file from the damaged one at `aside`; never raises for damage in that file.

    `before` is the damaged file's account, for a caller that knows it better than the file.
    """
    damaged = _read(aside)
    before = before or (damaged.account if damaged else None)
    lost = 0
    if before is not None:
        lost = before.pending + before.dead_lettered
        start = replace(
            before,
            pending=0,
            pending_bytes=0,
            dead_lettered=0,
            dead_bytes=0,
            head=0,
            head_done=0,
            dropped=before.dropped + lost,
        )
        ledger.change(lambda _: start)
    try:
        for lines, step in _steps(ledger, damaged, before):
            rescued = min(lines, lost)
            ledger.change(_accounted(lines, rescued, step))
            lost -= rescued
    except StoreFull as exc:
        log.error("%s; the rest stays in %s", exc, aside)
    log.error(
        "%s: kept %d lines and %d dead letters; dropped, and counted: %s",
        ledger.path,
        ledger.account.pending,
        ledger.account.dead_lettered,
        lost if before else "not known, for the account was lost too",
    )


def _read(aside: Path) -> DamagedStore | None:
    try:
        return DamagedStore(aside)
    except OSError as exc:
        log.error("%s cannot be read: %s", aside, exc.strerror)
        return None


def _steps(
    ledger: Ledger, damaged: DamagedStore | None, before: Account | None
) -> Iterator[tuple[int, Step]]:
    """Yield the number of lines in each chunk and dead letter, and the step that stores it."""
    if damaged is None:
        return
    for chunk in damaged.chunks(before):

        def put(account: Account, chunk: RescuedLines = chunk) -> Account:
            return chunks.put(ledger.db, account, chunk.lines, chunk.time_ns, chunk.source)

        yield len(chunk.lines), put
    for letter in damaged.letters():

        def bury(account: Account, letter: DeadLetter = letter) -> Account:
            return dead_letters.bury(ledger.db, account, [letter])

        yield 1, bury


def _accounted(lines: int, known: int, step: Step) -> Step:
    """Return a step that also corrects the totals of the account.

    `known` of the lines were counted as dropped before; the account has never seen the others.
    """

    def run(account: Account) -> Account:
        account = step(account)
        return replace(
            account, dropped=account.dropped - known, sampled=account.sampled + lines - known
        )

    return run
