"""InfluxDB as examined by `doctor`: write access and clock."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from jmxbridge.config.model.models import InfluxSettings
from jmxbridge.doctor.servers import examine_influxdb

VERSION = "X-Influxdb-Version: 1.8.10"


async def test_doctor_reads_the_clock_of_influxdb(script: Any, reply: Callable[..., bytes]) -> None:
    """If the server is an hour behind, we are an hour ahead, to the second."""
    behind = format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)
    answer = reply(204, b"", VERSION, f"Date: {behind}")
    script.replies = [answer, reply(200, "{}"), answer]
    area, ahead = await examine_influxdb(InfluxSettings(url=script.url, bucket="b"), "prod")
    assert area.findings == ()
    assert ahead is not None
    assert 3590 < ahead <= 3600 + 60


async def test_doctor_names_a_missing_bucket(script: Any, reply: Callable[..., bytes]) -> None:
    """With the fix; without a Date the clocks are not compared."""
    words = '{"code": "not found", "message": "bucket \\"b\\" not found"}'
    refusal = reply(404, words, "Content-Type: application/json", "X-Influxdb-Version: v2.9.1")
    script.replies = [refusal, reply(204, b"")]
    area, ahead = await examine_influxdb(InfluxSettings(url=script.url, bucket="b"), "prod")
    (finding,) = area.findings
    assert finding.fix == "Create the bucket b"
    assert ahead is None


async def test_doctor_names_a_port_where_nothing_listens(script: Any) -> None:
    """The fix is the same as for another kind of server: a wrong URL."""

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    script.replies = [hang_up]
    area, ahead = await examine_influxdb(InfluxSettings(url=script.url, bucket="b"), "prod")
    (finding,) = area.findings
    assert finding.fix == "Start it, or correct influxdb.url"
    assert ahead is None
