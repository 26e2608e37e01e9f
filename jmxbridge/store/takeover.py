"""What a new file takes over from a damaged one: its account, its lines, its dead letters.

Rule: the account goes on, so that nothing vanishes from it: what can be read is where it was
before, and what cannot is counted as dropped. Each chunk and each letter is a transaction of its
own: a disk that fills up in the middle, or a kill, leaves the rest in the file that was set aside.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from jmxbridge.store import chunks, dead_letters
from jmxbridge.store.account import Account
from jmxbridge.store.errors import StoreFull
from jmxbridge.store.ledger import Ledger
from jmxbridge.store.salvage import Rescued, Wreck
from jmxbridge.store.values import DeadLetter

log = logging.getLogger("jmxbridge.store")

Step = Callable[[Account], Account]


def take_over(ledger: Ledger, aside: Path, before: Account | None = None) -> None:
    """Fill a new file from the damaged one at `aside`; never raises for what is in that.

    `before` is its account where it is known better than from the file.
    """
    wreck = _read(aside)
    before = before or (wreck.account if wreck else None)
    lost = 0
    if before is not None:
        lost = before.pending + before.dead_lettered
        start = replace(
            before,
            **{"pending": 0, "pending_bytes": 0, "dead_lettered": 0, "dead_bytes": 0},
            **{"head": 0, "head_done": 0, "dropped": before.dropped + lost},
        )
        ledger.change(lambda _: start)
    try:
        for lines, step in _steps(ledger, wreck, before):
            ledger.change(_found(lines, min(lines, lost), step))
            lost -= min(lines, lost)
    except StoreFull as exc:
        log.error("%s; the rest stays in %s", exc, aside)
    log.error(
        "%s: kept %d lines and %d dead letters; dropped, and counted: %s",
        *(ledger.path, ledger.account.pending, ledger.account.dead_lettered),
        lost if before else "not known, for the account was lost too",
    )


def _read(aside: Path) -> Wreck | None:
    try:
        return Wreck(aside)
    except OSError as exc:
        log.error("%s cannot be read: %s", aside, exc.strerror)
        return None


def _steps(
    ledger: Ledger, wreck: Wreck | None, before: Account | None
) -> Iterator[tuple[int, Step]]:
    """What was found, piece by piece: how many lines, and the step that puts them in place."""
    if wreck is None:
        return
    for chunk in wreck.chunks(before):

        def put(account: Account, found: Rescued = chunk) -> Account:
            return chunks.put(ledger.db, account, found.lines, found.time_ns, found.source)

        yield len(chunk.lines), put
    for letter in wreck.letters():

        def bury(account: Account, found: DeadLetter = letter) -> Account:
            return dead_letters.bury(ledger.db, account, [found])

        yield 1, bury


def _found(lines: int, known: int, step: Step) -> Step:
    """A step, and the account for it: `known` of the lines were given up, the others are new."""

    def run(account: Account) -> Account:
        account = step(account)
        return replace(
            account, dropped=account.dropped - known, sampled=account.sampled + lines - known
        )

    return run
