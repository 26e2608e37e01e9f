"""Probe of scripted servers: version, write access, retention."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from jmxbridge.influx.client import Writer
from jmxbridge.influx.probe import ProbeResult, probe, retention_of_1, retention_of_2

NOW = datetime(2026, 1, 2, 3, 4, 5, 600_000, tzinfo=UTC)
V1, V2 = "X-Influxdb-Version: 1.8.10", "X-Influxdb-Version: v2.9.1"
JSON = "Content-Type: application/json"

MakeReply = Callable[..., bytes]


@pytest.fixture
async def ask(script: Any) -> AsyncIterator[Callable[..., Any]]:
    """Probe the scripted server; options as for a Writer."""
    writers: list[Writer] = []

    async def ask(**options: Any) -> ProbeResult:
        writers.append(Writer(script.url, **{"bucket": "kafka", "token": "t0ken-t0ken", **options}))
        return await probe(writers[-1], cluster="prod", now=NOW)

    yield ask
    for writer in writers:
        await writer.close()


def policies(*rows: tuple[str, str, bool]) -> dict[str, Any]:
    """Return 1.8's table of retention policies."""
    columns = ["name", "duration", "default"]
    return {"results": [{"series": [{"columns": columns, "values": [list(row) for row in rows]}]}]}


async def test_probe_of_influxdb_1_8(
    script: Any, reply: MakeReply, ask: Callable[..., Any]
) -> None:
    """One line is stored, with whole seconds; the policy's duration is the retention."""
    told = json.dumps(policies(("autogen", "0s", True), ("short", "1h30m0s", False)))
    script.replies = [reply(204, b"", V1), reply(200, told, JSON, V1)]

    result = await ask(bucket="kafka/short")

    assert result == ProbeResult("1.8.10", True, True, 5400.0, None)
    write, question = script.requests
    assert write.body == b"jmxbridge_check,cluster=prod ok=true 1767323045000000000"
    assert question.target == "/query?q=SHOW+RETENTION+POLICIES+ON+%22kafka%22"
    assert question.headers["authorization"] == "Token t0ken-t0ken"


async def test_probe_of_influxdb_2(script: Any, reply: MakeReply, ask: Callable[..., Any]) -> None:
    """The retention is the bucket's rule."""
    rules = [{"type": "expire", "everySeconds": 86_400}]
    told = json.dumps({"buckets": [{"name": "kafka", "retentionRules": rules}]})
    script.replies = [reply(204, b"", V2), reply(200, told, JSON, V2)]

    assert await ask(org="ops") == ProbeResult("2.9.1", True, True, 86_400.0, None)
    assert script.requests[1].target == "/api/v2/buckets?name=kafka&org=ops"


async def test_probe_of_influxdb_3(script: Any, reply: MakeReply, ask: Callable[..., Any]) -> None:
    """No header: /ping has the version; the retention is unknown."""
    script.replies = [reply(204), reply(200, '{"version":"3.4.1","revision":"x"}', JSON)]

    assert await ask() == ProbeResult("3.4.1", True, True, None, None)
    assert [request.target.split("?")[0] for request in script.requests][1:] == ["/ping"]


async def test_probe_with_a_write_only_token(
    script: Any, reply: MakeReply, ask: Callable[..., Any]
) -> None:
    """What the token cannot read is unknown, and no problem."""
    denied = reply(401, '{"code":"unauthorized","message":"unauthorized access"}', JSON, V2)
    script.replies = [reply(204, b"", V2), denied]

    assert await ask() == ProbeResult("2.9.1", True, True, None, None)


@pytest.mark.parametrize(
    ("answer", "exists", "problem"),
    [
        ((404, '{"code":"not found","message":"bucket \\"kafka\\" not found"}', JSON, V2), False,
         "create it, or correct influxdb.bucket or influxdb.org (bucket"),
        ((404, '{"code":"not found","message":"organization name \\"ops\\" not found"}', JSON, V2),
         None, "or influxdb.org (organization name"),
        ((401, '{"code":"unauthorized","message":"unauthorized access"}', JSON, V2), None,
         "check influxdb.token"),
        ((404, "404 page not found", "Content-Type: text/plain", V2), None,
         "no InfluxDB at this path"),
        ((200, "<title>Sign in</title>", "Content-Type: text/html", V2), None, "login page"),
        ((302, "", "Location: https://login.example/", V2), None, "redirected"),
    ],
)  # fmt: skip
async def test_probe_tells_why_its_line_was_refused(
    script: Any,
    reply: MakeReply,
    ask: Callable[..., Any],
    answer: Any,
    exists: bool | None,
    problem: str,
) -> None:
    """The text is that of the verdict: what to fix."""
    script.replies = [reply(*answer)]

    result = await ask()

    assert (result.stored, result.bucket_exists, result.retention_s) == (False, exists, None)
    assert problem in result.problem


async def test_probe_of_a_port_where_nothing_listens(ask: Callable[..., Any], script: Any) -> None:
    """The refused connection is the problem, and nothing else is queried."""
    writer = Writer("http://127.0.0.1:9", bucket="kafka")
    result = await probe(writer, cluster="prod", now=NOW)
    await writer.close()

    problem = "refused: InfluxDB does not answer (connection refused)"
    assert result == ProbeResult(None, False, None, None, problem)


@pytest.mark.parametrize(
    "document", [{}, {"results": []}, {"results": [{"series": [{}]}]}, {"results": 5}]
)
def test_retention_is_unknown_without_a_table(document: dict[str, Any]) -> None:
    """Whatever a proxy answers instead, there is no exception."""
    assert retention_of_1(document, "") is None
    assert retention_of_2(document) is None


def test_retention_is_read_exactly() -> None:
    """The default policy if none is named; a bucket without a rule keeps points for ever."""
    table = policies(("autogen", "0s", True), ("short", "720h0m0s", False))
    assert retention_of_1(table, "") == 0.0
    assert retention_of_1(table, "short") == 2_592_000.0
    assert retention_of_1(table, "gone") is None
    assert retention_of_1(policies(("autogen", "ever", True)), "") is None
    assert retention_of_2({"buckets": [{"retentionRules": []}]}) == 0.0
    assert retention_of_2({"buckets": []}) is None
