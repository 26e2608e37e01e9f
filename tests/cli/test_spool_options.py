"""`spool` and `dlq` on a store of the test's own: what they say, move, and leave alone."""

import asyncio
import json
import sqlite3
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from jmxbridge.cli import app
from jmxbridge.store import Counts, DeadLine, Store

LINES = [b"m,n=%d v=%d.0 1700000000000000000" % (n, n) for n in range(4)]
TIME_NS = 1_700_000_000 * 10**9


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A settings file whose InfluxDB is not there."""
    return settings(tmp_path, "http://127.0.0.1:9")


def settings(folder: Path, url: str) -> Path:
    """A settings file with a store of its own."""
    file = folder / "mbeans.yaml"
    file.write_text(
        f"influxdb: {{url: '{url}', bucket: kafka}}\n"
        "kafka: {bootstrap: [127.0.0.1:9]}\n"
        f"store: {{path: {folder / 's.sqlite3'}}}\n"
    )
    return file


@pytest.fixture
def influx() -> Iterator[tuple[str, list[bytes]]]:
    """A server that stores everything: its URL, and the packed bodies it got."""
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", bodies
        server.shutdown()
        thread.join()


def call(*args: str) -> Result:
    """Run a command in this process; whatever is not an exit fails the test."""
    result = CliRunner().invoke(app, list(args))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def with_store(file: Path, work: Callable[[Store], Awaitable[Counts]]) -> Counts:
    """Work on the file's store for a moment, as `run` would."""

    async def go() -> Counts:
        path = file.with_name("s.sqlite3")
        async with await Store.open(path, max_bytes=2**30, retain_s=None) as store:
            return await work(store)

    return asyncio.run(go())


async def fill(store: Store) -> Counts:
    """Four lines: one stored, two refused, one waits."""
    await store.append(LINES, time_ns=TIME_NS, source="broker-1")
    batch = await store.take(max_lines=3, max_bytes=10**6)
    assert batch is not None
    await store.settle(batch, [DeadLine(0, "400: bad"), DeadLine(2, "422: conflict")])
    return await store.counts()


async def counts(store: Store) -> Counts:
    """The account."""
    return await store.counts()


def test_status_is_the_account(file: Path) -> None:
    """Every number of the account with its meaning; as JSON, all of them."""
    with_store(file, fill)
    said = call("spool", "status", "-f", str(file)).stdout
    assert "not in use" in said
    assert "2023-11-14T22:13:20Z" in said
    told = json.loads(call("spool", "status", "-f", str(file), "--json").stdout)
    assert (told["kind"], told["version"], told["process"]) == ("spool", 1, None)
    assert (told["sampled"], told["stored"], told["pending"], told["dead_lettered"]) == (4, 1, 1, 2)


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


def test_verify_finds_a_flipped_byte(file: Path) -> None:
    """A line that does not match its checksum is a finding: status 1 and the chunk's number."""
    with_store(file, fill)
    assert call("spool", "verify", "-f", str(file)).exit_code == 0
    path = file.with_name("s.sqlite3")
    with closing(sqlite3.connect(path)) as database:
        ((body,),) = database.execute("SELECT body FROM chunk").fetchall()
    assert path.read_bytes().count(body) == 1
    path.write_bytes(path.read_bytes().replace(body, body[:9] + bytes([body[9] ^ 1]) + body[10:]))

    result = call("spool", "verify", "-f", str(file), "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["problems"] == [
        "chunk 1: its lines do not match their checksum"
    ]


def test_a_dead_letter_is_shown_with_all_that_is_known(file: Path) -> None:
    """Time, target, the server's words, the line; newest first in the list."""
    with_store(file, fill)
    listed = json.loads(call("dlq", "ls", "-f", str(file), "--json").stdout)["dead_letters"]
    assert [each["id"] for each in listed] == [2, 1]
    assert listed[1]["line"] == LINES[0].decode()
    assert "400: bad" in call("dlq", "ls", "-f", str(file)).stdout
    said = call("dlq", "show", "2", "-f", str(file)).stdout
    assert "422: conflict" in said
    assert "broker-1" in said
    assert LINES[2].decode() in said
    assert json.loads(call("dlq", "show", "2", "-f", str(file), "--json").stdout)["id"] == 2
    missing = call("dlq", "show", "3", "-f", str(file))
    assert (missing.exit_code, missing.stderr) == (1, "there is no dead letter 3\n")


def test_replay_puts_the_same_bytes_at_the_end(file: Path) -> None:
    """The lines wait again, unchanged, behind those that waited before."""
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


def test_purge_counts_what_it_gives_up(file: Path) -> None:
    """Ids that do not exist are said; the account still balances."""
    with_store(file, fill)
    result = call("dlq", "purge", "1", "77", "-f", str(file))
    assert (result.exit_code, result.stdout) == (1, "1 dead letters purged\n")
    assert result.stderr == "1 of the ids do not exist\n"
    after = with_store(file, counts)
    assert (after.dead_lettered, after.dropped, after.dropped_dead) == (1, 1, 1)


def test_an_id_beyond_all_numbers_does_not_exist(file: Path) -> None:
    """A slip of the mouse, digits twice: no traceback, and what is meant as well is done."""
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
def test_what_to_move_must_be_said(file: Path, args: list[str]) -> None:
    """Neither nothing nor both: a purge of everything is typed on purpose."""
    result = call("dlq", *args, "-f", str(file))
    assert result.exit_code == 2
    assert "--all" in result.stderr


def test_drain_sends_what_waits(tmp_path: Path, influx: tuple[str, list[bytes]]) -> None:
    """Without a `run`: everything is sent and the command says how much."""
    url, bodies = influx
    file = settings(tmp_path, url)
    with_store(file, fill)
    result = call("spool", "drain", "-f", str(file))
    assert (result.exit_code, result.stdout) == (0, "1 lines stored, 0 refused, 0 still pending\n")
    assert len(bodies) == 1
    assert with_store(file, counts).pending == 0


def test_drain_says_why_lines_still_wait(file: Path) -> None:
    """An InfluxDB that is away is a finding, with its address and the cause; nothing is lost."""
    with_store(file, fill)
    result = call("spool", "drain", "-f", str(file), "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["pending"] == 1
    assert "http://127.0.0.1:9" in result.stderr
    assert with_store(file, counts).pending == 1


def test_drain_without_influxdb_is_a_mistake(tmp_path: Path) -> None:
    """There is nowhere to send to: usage, and said so."""
    file = tmp_path / "mbeans.yaml"
    file.write_text("kafka: {bootstrap: [127.0.0.1:9]}\n")
    result = call("spool", "drain", "-f", str(file))
    assert result.exit_code == 2
    assert "no influxdb section" in result.stderr


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
