"""`spool` and `dlq` on a store of the test's own: what they say, move, and leave alone."""

import asyncio
from pathlib import Path

import pytest

from jmxbridge.store import Counts, Store
from tests.cli.calling import call
from tests.cli.store_of_file import fill, with_store


def test_looking_works_while_run_has_the_store_and_changing_says_why_not(file: Path) -> None:
    """The lock keeps a second writer out, not a reader; the message names the process."""
    with_store(file, fill)

    async def look(store: Store) -> Counts:
        def commands() -> None:
            said = call("spool", "status", "-f", str(file)).stdout
            assert "in use by process" in said
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
def test_no_store_yet_is_said_as_such(file: Path, command: list[str]) -> None:
    """Looking makes no file."""
    result = call(*command, "-f", str(file))
    assert result.exit_code == 69
    assert "there is no store yet" in result.stderr
    assert not file.with_name("s.sqlite3").exists()


def test_another_programs_database_is_told_apart(file: Path) -> None:
    """A store.path that points into somebody else's data."""
    file.with_name("s.sqlite3").write_bytes(b"")
    assert "another program's" in call("spool", "status", "-f", str(file)).stderr
