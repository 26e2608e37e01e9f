"""`spool` and `dlq` with a store that is in use, missing, or not a store."""

import asyncio
from pathlib import Path

import pytest

from jmxbridge.store import Counts, Store
from tests.cli.calling import call
from tests.cli.store_of_file import fill, with_store


def test_reports_work_while_run_holds_the_store(file: Path) -> None:
    """Commands that change it are refused with the pid of the process."""
    with_store(file, fill)

    async def look(store: Store) -> Counts:
        def commands() -> None:
            text = call("spool", "status", "-f", str(file)).stdout
            assert "in use by process" in text
            assert call("spool", "verify", "-f", str(file)).exit_code == 0
            assert call("dlq", "ls", "-f", str(file)).exit_code == 0
            for change in (["spool", "drain"], ["dlq", "replay", "1"], ["dlq", "purge", "--all"]):
                refused = call(*change, "-f", str(file))
                assert refused.exit_code == 69
                assert "is in use by process" in refused.stderr

        await asyncio.to_thread(commands)
        return await store.counts()

    assert with_store(file, look).dead_lettered == 2


@pytest.mark.parametrize("command", [["spool", "status"], ["spool", "verify"], ["dlq", "ls"]])
def test_reports_of_a_store_that_does_not_exist(file: Path, command: list[str]) -> None:
    """They create no file."""
    result = call(*command, "-f", str(file))
    assert result.exit_code == 69
    assert "there is no store yet" in result.stderr
    assert not file.with_name("s.sqlite3").exists()


def test_reports_of_another_programs_database(file: Path) -> None:
    """A wrong store.path is named as such."""
    file.with_name("s.sqlite3").write_bytes(b"")
    assert "another program's" in call("spool", "status", "-f", str(file)).stderr
