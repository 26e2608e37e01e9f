"""Ledger: the account of an open file, and the only way to change it.

Rule: a transaction moves lines and writes the matching account, or does neither. Between
transactions the account is this value; the row in the file is what a later process reads.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from jmxbridge.store import account as accounts
from jmxbridge.store.account import Account
from jmxbridge.store.errors import StoreDamaged, from_sqlite
from jmxbridge.store.file import StoreFile

T = TypeVar("T")


class Ledger:
    """Transactions on one open file; `account` is as of the last one."""

    def __init__(self, file: StoreFile) -> None:
        self._file = file
        self.account = self._read()

    @property
    def db(self) -> sqlite3.Connection:
        """The connection that the steps of a transaction use."""
        return self._file.connection

    @property
    def path(self) -> Path:
        """Path of the file."""
        return self._file.path

    def renew(self) -> Path:
        """Set the damaged file aside and begin a new one; return the damaged file's new path."""
        aside = self._file.renew()
        self.account = self._read()
        return aside

    def change(self, step: Callable[[Account], Account]) -> None:
        """Run one transaction: the step moves lines and returns the account after that."""

        def run() -> None:
            self.db.execute("BEGIN IMMEDIATE")
            try:
                account = step(self.account)
                accounts.write(self.db, account)
                self.db.execute("COMMIT")
            except BaseException:
                if self.db.in_transaction:
                    self.db.execute("ROLLBACK")
                raise
            self.account = account

        self.guard(run)

    def one(self, query: str, *values: int) -> tuple[Any, ...] | None:
        """Return the first row of a query; None if it has none."""
        row: tuple[Any, ...] | None = self.guard(lambda: self.db.execute(query, values).fetchone())
        return row

    def guard(self, call: Callable[[], T]) -> T:
        """Run a call; an error of SQLite in it is raised as a StoreError."""
        try:
            return call()
        except sqlite3.Error as exc:
            raise from_sqlite(self.path, exc) from exc

    def _read(self) -> Account:
        account = self.guard(lambda: accounts.read(self.db))
        if account is None:  # `connect` read it a moment ago
            raise StoreDamaged(f"{self.path}: its account is not what was written; it is set aside")
        return account
