"""Probe of an InfluxDB before a run: its version, whether it accepts a line, its retention.

Rule: one line, written to a measurement of ours, shows what a real write will meet. The other
questions use the same credentials; an answer that these may not read is unknown, not an error.

Versions: 1.8 and 2.x send theirs in a header of every answer, 3.x in the body of /ping. Retention:
1.8 by `SHOW RETENTION POLICIES`, 2.x by /api/v2/buckets; 3.x does not tell it over these endpoints.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from jmxbridge.influx.body import Body
from jmxbridge.influx.line_protocol import encode
from jmxbridge.influx.outcome import HttpAnswer, Outcome
from jmxbridge.influx.verdict import Action, judge
from jmxbridge.point import Point

MEASUREMENT = "jmxbridge_check"

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


class ProbedWriter(Protocol):
    """The part of a writer that a probe uses."""

    @property
    def bucket(self) -> str:
        """The bucket, database, or database/retention-policy it writes to."""

    @property
    def org(self) -> str | None:
        """The organization of 2.x."""

    async def write(self, body: Body) -> Outcome:
        """Send line protocol."""

    async def get(self, path: str, query: Mapping[str, str]) -> Outcome:
        """Send a GET with the same credentials."""


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """Result of a probe. `problem` says why the line was not stored; None if it was.

    `bucket_exists` None: unknown. `retention_s` in seconds; None: unknown, 0: for ever.
    """

    version: str | None
    stored: bool
    bucket_exists: bool | None
    retention_s: float | None
    problem: str | None


async def probe(writer: ProbedWriter, *, cluster: str, now: datetime) -> ProbeResult:
    """Write one line to `jmxbridge_check` and query the server; raises nothing for its faults."""
    time_ns = int(now.timestamp()) * 10**9
    point = Point(MEASUREMENT, {"cluster": cluster}, {"ok": True}, time_ns)
    outcome = await writer.write(Body(encode(point)))
    verdict = judge(outcome, now=now)
    stored = verdict.action is Action.STORED
    version = await _version(writer, outcome)
    problem = None
    if not stored:
        message = f" ({verdict.message})" if verdict.message else ""
        problem = f"{verdict.cause}: {verdict.text}{message}"
    return ProbeResult(
        version=version,
        stored=stored,
        bucket_exists=_bucket_exists(outcome, stored),
        retention_s=await _retention_s(writer, version) if stored else None,
        problem=problem,
    )


def _bucket_exists(outcome: Outcome, stored: bool) -> bool | None:
    """Tell whether the bucket exists: InfluxDB answers 404 in JSON if it does not.

    Another kind of server answers 404 in other formats. 2.x also answers it in JSON for an
    organization that does not exist, and has not looked for the bucket then.
    """
    if stored:
        return True
    if not isinstance(outcome, HttpAnswer) or outcome.status != 404:
        return None
    if not outcome.body.lstrip().startswith("{") or "organization" in outcome.body:
        return None
    return False


async def _version(writer: ProbedWriter, outcome: Outcome) -> str | None:
    if not isinstance(outcome, HttpAnswer):
        return None
    if outcome.version is None:
        outcome = await writer.get("/ping", {})
        if not isinstance(outcome, HttpAnswer):
            return None
        version = outcome.version or _document(outcome).get("version")
    else:
        version = outcome.version
    return version.removeprefix("v") if isinstance(version, str) else None


async def _retention_s(writer: ProbedWriter, version: str | None) -> float | None:
    if version is None:
        return None
    if version.startswith("1."):
        database, _, policy = writer.bucket.partition("/")
        quoted = database.replace("\\", "\\\\").replace('"', '\\"')
        query = {"q": f'SHOW RETENTION POLICIES ON "{quoted}"'}
        outcome = await writer.get("/query", query)
        return retention_of_1(_document(outcome), policy)
    if version.startswith("2."):
        query = {"name": writer.bucket, "org": writer.org or ""}
        return retention_of_2(_document(await writer.get("/api/v2/buckets", query)))
    return None


def retention_of_1(document: Mapping[str, Any], policy: str) -> float | None:
    """Return the seconds of a policy in 1.8's table; of the default one if none is named."""
    try:
        (series,) = document["results"][0]["series"]
        rows = [dict(zip(series["columns"], row, strict=True)) for row in series["values"]]
        (row,) = [row for row in rows if (row["name"] == policy if policy else row["default"])]
        duration = _DURATION.fullmatch(row["duration"])
    except (KeyError, IndexError, TypeError, ValueError):
        return None
    if duration is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in duration.groups())
    return float(hours * 3600 + minutes * 60 + seconds)


def retention_of_2(document: Mapping[str, Any]) -> float | None:
    """Return the seconds of the one bucket that 2.x lists; 0 if no rule expires its data."""
    try:
        (bucket,) = document["buckets"]
        rules = [rule for rule in bucket["retentionRules"] if rule["type"] == "expire"]
        return float(rules[0]["everySeconds"]) if rules else 0.0
    except (KeyError, IndexError, TypeError, ValueError):
        return None


def _document(outcome: Outcome) -> Mapping[str, Any]:
    """Return the JSON object of a 200; empty for every other outcome."""
    if not isinstance(outcome, HttpAnswer) or outcome.status != 200:
        return {}
    try:
        document = json.loads(outcome.body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
