"""Asking InfluxDB, before anything runs: who answers, may we write, how long will it keep it.

Rule: one write of one line to a measurement of ours tells what a real write will meet; the rest is
asked with the same credentials, and what they may not see is unknown, not an error.

Versions: 1.8 and 2.x put theirs in a header of every answer, 3.x in the body of /ping. Retention:
1.8 in `SHOW RETENTION POLICIES`, 2.x in /api/v2/buckets; 3.x has no way over these endpoints.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from jmxbridge.influx.body import Body
from jmxbridge.influx.line_protocol import encode
from jmxbridge.influx.verdict import Action, Answer, Outcome, judge
from jmxbridge.point import Point

MEASUREMENT = "jmxbridge_check"

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


class Asked(Protocol):
    """What a probe needs of a writer."""

    @property
    def bucket(self) -> str:
        """The bucket, database, or database/retention-policy it writes to."""

    @property
    def org(self) -> str | None:
        """The organisation of 2.x."""

    async def write(self, body: Body) -> Outcome:
        """Send line protocol."""

    async def get(self, path: str, query: Mapping[str, str]) -> Outcome:
        """Ask with the same credentials."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What was found. `problem` is the sentence for why a line was not stored; None: it was.

    `bucket_exists` None: nobody could say. `retention_s` None: unknown; 0: for ever.
    """

    version: str | None
    stored: bool
    bucket_exists: bool | None
    retention_s: float | None
    problem: str | None


async def probe(writer: Asked, *, cluster: str, now: datetime) -> Probe:
    """Write one line to `jmxbridge_check` and ask who took it; never raises for the server."""
    time_ns = int(now.timestamp()) * 10**9
    point = Point(MEASUREMENT, {"cluster": cluster}, {"ok": True}, time_ns)
    outcome = await writer.write(Body(encode(point)))
    verdict = judge(outcome, now=now)
    stored = verdict.action is Action.STORED
    version = await _version(writer, outcome)
    problem = None
    if not stored:
        words = f" ({verdict.words})" if verdict.words else ""
        problem = f"{verdict.cause}: {verdict.sentence}{words}"
    return Probe(
        version=version,
        stored=stored,
        bucket_exists=_bucket_exists(outcome, stored),
        retention_s=await _retention_s(writer, version) if stored else None,
        problem=problem,
    )


def _bucket_exists(outcome: Outcome, stored: bool) -> bool | None:
    """InfluxDB answers 404 in JSON for a bucket; a server that is none does in its own way.

    2.x does so too for an organisation that is not there: then nobody has looked for the bucket.
    """
    if stored:
        return True
    if not isinstance(outcome, Answer) or outcome.status != 404:
        return None
    if not outcome.body.lstrip().startswith("{") or "organization" in outcome.body:
        return None
    return False


async def _version(writer: Asked, outcome: Outcome) -> str | None:
    if not isinstance(outcome, Answer):
        return None
    if outcome.version is None:
        outcome = await writer.get("/ping", {})
        if not isinstance(outcome, Answer):
            return None
        found = outcome.version or _document(outcome).get("version")
    else:
        found = outcome.version
    return found.removeprefix("v") if isinstance(found, str) else None


async def _retention_s(writer: Asked, version: str | None) -> float | None:
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
    """Seconds of a policy, the default one where none is named, in 1.8's table of them."""
    try:
        (series,) = document["results"][0]["series"]
        rows = [dict(zip(series["columns"], row, strict=True)) for row in series["values"]]
        (row,) = [row for row in rows if (row["name"] == policy if policy else row["default"])]
        found = _DURATION.fullmatch(row["duration"])
    except (KeyError, IndexError, TypeError, ValueError):
        return None
    if found is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return float(hours * 3600 + minutes * 60 + seconds)


def retention_of_2(document: Mapping[str, Any]) -> float | None:
    """Seconds of the one bucket 2.x lists; 0 where no rule lets it expire."""
    try:
        (bucket,) = document["buckets"]
        rules = [rule for rule in bucket["retentionRules"] if rule["type"] == "expire"]
        return float(rules[0]["everySeconds"]) if rules else 0.0
    except (KeyError, IndexError, TypeError, ValueError):
        return None


def _document(outcome: Outcome) -> Mapping[str, Any]:
    """The JSON object of an answer with 200; empty for everything else."""
    if not isinstance(outcome, Answer) or outcome.status != 200:
        return {}
    try:
        found = json.loads(outcome.body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
