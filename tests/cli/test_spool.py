"""`jmxbridge spool`: the account, its verification, and sending the pending lines."""

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.cli.calling import call
from tests.cli.store_of_file import count, fill, with_store, write_settings


@pytest.fixture
def influx() -> Iterator[tuple[str, list[bytes]]]:
    """A server that accepts everything: its URL, and the packed bodies it received."""
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", bodies
        server.shutdown()
        thread.join()


def test_spool_status_prints_the_account(file: Path) -> None:
    """Every number with its meaning; all of them as JSON."""
    with_store(file, fill)
    text = call("spool", "status", "-f", str(file)).stdout
    assert "not in use" in text
    assert "2023-11-14T22:13:20Z" in text
    told = json.loads(call("spool", "status", "-f", str(file), "--json").stdout)
    assert (told["kind"], told["version"], told["process"]) == ("spool", 1, None)
    assert (told["sampled"], told["stored"], told["pending"], told["dead_lettered"]) == (4, 1, 1, 2)


def test_spool_verify_finds_a_flipped_byte(file: Path) -> None:
    """Status 1, and the number of the chunk."""
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


def test_spool_drain_sends_the_pending_lines(
    tmp_path: Path, influx: tuple[str, list[bytes]]
) -> None:
    """Without a `run`; it prints the numbers of lines."""
    url, bodies = influx
    file = write_settings(tmp_path, url)
    with_store(file, fill)
    result = call("spool", "drain", "-f", str(file))
    assert (result.exit_code, result.stdout) == (0, "1 lines stored, 0 refused, 0 still pending\n")
    assert len(bodies) == 1
    assert with_store(file, count).pending == 0


def test_spool_drain_tells_why_lines_are_still_pending(file: Path) -> None:
    """An unreachable InfluxDB is a finding with address and cause; no line is lost."""
    with_store(file, fill)
    result = call("spool", "drain", "-f", str(file), "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["pending"] == 1
    assert "http://127.0.0.1:9" in result.stderr
    assert with_store(file, count).pending == 1


def test_spool_drain_without_influxdb_is_a_usage_error(tmp_path: Path) -> None:
    """The file has no server to send to."""
    file = tmp_path / "mbeans.yaml"
    file.write_text("kafka: {bootstrap: [127.0.0.1:9]}\n")
    result = call("spool", "drain", "-f", str(file))
    assert result.exit_code == 2
    assert "no influxdb section" in result.stderr
