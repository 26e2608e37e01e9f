"""`jmxbridge dlq`: dead letters shown, replayed and purged."""

import json
from pathlib import Path

import pytest

from jmxbridge.store import Counts, Store
from tests.cli.calling import call
from tests.cli.store_of_file import LINES, count, fill, with_store


def test_dlq_shows_all_of_a_dead_letter(file: Path) -> None:
    """Time, target, InfluxDB's message and the line; the list begins with the newest."""
    with_store(file, fill)
    listed = json.loads(call("dlq", "ls", "-f", str(file), "--json").stdout)["dead_letters"]
    assert [letter["id"] for letter in listed] == [2, 1]
    assert listed[1]["line"] == LINES[0].decode()
    assert "400: bad" in call("dlq", "ls", "-f", str(file)).stdout
    text = call("dlq", "show", "2", "-f", str(file)).stdout
    assert "422: conflict" in text
    assert "broker-1" in text
    assert LINES[2].decode() in text
    assert json.loads(call("dlq", "show", "2", "-f", str(file), "--json").stdout)["id"] == 2
    missing = call("dlq", "show", "3", "-f", str(file))
    assert (missing.exit_code, missing.stderr) == (1, "there is no dead letter 3\n")


def test_replay_appends_the_same_bytes(file: Path) -> None:
    """The lines are pending again, unchanged, behind the other pending lines."""
    with_store(file, fill)
    assert call("dlq", "replay", "--all", "-f", str(file)).stdout == "2 dead letters replayed\n"
    taken: list[bytes] = []

    async def take(store: Store) -> Counts:
        batch = await store.take(max_lines=9, max_bytes=10**6)
        assert batch is not None
        taken.extend(batch.lines)
        return await store.counts()

    after = with_store(file, take)
    assert taken == [LINES[3], LINES[0], LINES[2]]
    assert (after.sampled, after.stored, after.pending, after.dead_lettered) == (4, 1, 3, 0)


def test_purge_counts_deleted_letters(file: Path) -> None:
    """Unknown ids are reported, and the account still balances."""
    with_store(file, fill)
    result = call("dlq", "purge", "1", "77", "-f", str(file))
    assert (result.exit_code, result.stdout) == (1, "1 dead letters purged\n")
    assert result.stderr == "1 of the ids do not exist\n"
    after = with_store(file, count)
    assert (after.dead_lettered, after.dropped, after.dropped_dead) == (1, 1, 1)


def test_dlq_of_an_id_beyond_64_bits(file: Path) -> None:
    """It does not exist: no traceback, and the other ids are still processed."""
    with_store(file, fill)
    huge = str(10**20)
    listed = call("dlq", "ls", "-n", huge, "-f", str(file), "--json")
    assert len(json.loads(listed.stdout)["dead_letters"]) == 2
    shown = call("dlq", "show", huge, "-f", str(file))
    assert (shown.exit_code, shown.stderr) == (1, f"there is no dead letter {huge}\n")
    for verb in ("replay", "purge"):
        result = call("dlq", verb, huge, "-f", str(file))
        assert (result.exit_code, result.stderr) == (1, "1 of the ids do not exist\n")
    negative = f"-{huge}"
    shown = call("dlq", "show", "-f", str(file), "--", negative)
    assert (shown.exit_code, shown.stderr) == (1, f"there is no dead letter {negative}\n")
    result = call("dlq", "purge", "-f", str(file), "--", negative)
    assert (result.exit_code, result.stderr) == (1, "1 of the ids do not exist\n")
    result = call("dlq", "purge", "1", huge, "-f", str(file))
    assert (result.exit_code, result.stdout) == (1, "1 dead letters purged\n")


@pytest.mark.parametrize("args", [["replay"], ["purge"], ["purge", "1", "--all"]])
def test_dlq_needs_ids_or_all(file: Path, args: list[str]) -> None:
    """Neither none nor both: a purge of everything must be explicit."""
    result = call("dlq", *args, "-f", str(file))
    assert result.exit_code == 2
    assert "--all" in result.stderr
