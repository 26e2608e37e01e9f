"""Ledger: a transaction moves lines and writes the account, or does neither."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from jmxbridge.store import StoreDamaged, StoreError
from jmxbridge.store import account as accounts
from jmxbridge.store.account import Account
from jmxbridge.store.file import StoreFile
from jmxbridge.store.ledger import Ledger


@pytest.fixture
def file(path: Path) -> Iterator[StoreFile]:
    """A new store's file."""
    file = StoreFile.open(path)
    yield file
    file.close()


def sampled(account: Account) -> Account:
    """One line sampled and stored at once."""
    return replace(account, sampled=account.sampled + 1, stored=account.stored + 1)


def test_change_writes_the_account(file: StoreFile) -> None:
    """The value and the row in the file are the account that the step returned."""
    ledger = Ledger(file)
    ledger.change(sampled)

    assert ledger.account.stored == 1
    assert accounts.read(file.connection) == ledger.account
    assert Ledger(file).account == ledger.account


def test_change_that_fails_changes_nothing(file: StoreFile) -> None:
    """An error of the step ends the transaction, and what it wrote is undone."""
    ledger = Ledger(file)

    def fail(account: Account) -> Account:
        file.connection.execute("DELETE FROM account")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ledger.change(fail)

    assert ledger.account.sampled == 0
    assert accounts.read(file.connection) == ledger.account
    ledger.change(sampled)


def test_change_cannot_write_a_wrong_sum(file: StoreFile) -> None:
    """The CHECK of the table refuses it, as damage: our own sums are right."""
    ledger = Ledger(file)

    with pytest.raises(StoreDamaged, match="numbers contradict each other"):
        ledger.change(lambda account: replace(account, sampled=1))

    assert ledger.account.sampled == 0


def test_an_error_of_sqlite_is_an_error_of_the_store(file: StoreFile) -> None:
    """It names the file."""
    ledger = Ledger(file)

    with pytest.raises(StoreError, match=rf"{file.path.name}.*no such table"):
        ledger.one("SELECT 1 FROM missing")


def test_an_account_that_is_gone_is_damage(file: StoreFile) -> None:
    """A ledger does not begin without the account."""
    file.connection.execute("DELETE FROM account")

    with pytest.raises(StoreDamaged, match="account is not what was written"):
        Ledger(file)


def test_renew_reads_the_account_of_the_new_file(file: StoreFile) -> None:
    """The damaged file keeps its content under its new name."""
    ledger = Ledger(file)
    ledger.change(sampled)

    aside = ledger.renew()

    assert aside.exists()
    assert ledger.account == Account(*[0] * len(accounts.COLUMNS))
