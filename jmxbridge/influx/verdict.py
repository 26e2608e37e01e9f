"""Verdict on the lines of one write, from the outcome of its request.

Rule: one table decides, by its first row that matches. A line counts as stored only if the answer
is InfluxDB's own success, and as refused only if InfluxDB itself refused it: a proxy's error page
must cost no line, whatever its status.

The same status means different things by server and version. A 400 of 1.8 stored the good lines of
the batch, a 400 of 2.x and 3.x stored none, a 422 of 2.x stored the others, and an old 2.0 answered
500 for the same. None of this matters here, because lines are settled only by a 204 for exactly
these lines, and sending a line twice changes nothing.
"""

import json
import re
from collections.abc import Container
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum

from jmxbridge.influx.outcome import HttpAnswer, NoAnswer, Outcome

MAX_MESSAGE = 500
"""Most characters of a server's message that are kept; InfluxDB repeats whole lines in it."""

MAX_RETRY_AFTER_S = 600.0
"""A maintenance page may ask for a day; the lines should not wait that long after it is gone."""

TITLE_SEARCH_CHARS = 4096
"""Characters of a page that are searched for its title: bounds the cost of a hostile page."""


class Action(StrEnum):
    """What to do with the lines of one request."""

    STORED = "stored"
    REFUSED = "refused"  # at least one line is bad: search for it
    TOO_LARGE = "too large"  # split, and send smaller bodies from now on
    HOLD = "hold"  # an operator must fix something; try again slowly
    RETRY = "retry"  # a passing fault; try again soon


@dataclass(frozen=True, slots=True)
class Verdict:
    """Action to take, and its texts.

    `cause` is short and constant for one kind of fault; `text` tells an operator what to fix;
    `message` is the server's own, bounded; `dropped` is the number of lines it reports as refused.
    """

    action: Action
    cause: str
    text: str = ""
    message: str = ""
    retry_after_s: float | None = None
    dropped: int | None = None


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """One row of the table: its statuses, and a pattern for the beginning of the message.

    `own` rows match only InfluxDB's own answers: JSON with a message in it.
    """

    statuses: Container[int]
    action: Action
    text: str
    own: bool = False
    message: re.Pattern[str] | None = None


# At the beginning only: a message about a line repeats the line, which may contain any word.
_NOT_ABOUT_LINES = re.compile(
    r"(database is required|invalid precision|gzip: |please provide either orgID or org)",
    re.IGNORECASE,
)
_NO_POLICY = re.compile(r"retention policy not found")
_REFUSAL = re.compile(
    r".*(partial write|field type conflict|unable to parse|beyond retention|outside retention)",
    re.IGNORECASE,
)
# At the end, where no line that the server repeats can forge it; 2.9 adds the rest.
_DROPPED = re.compile(r"\bdropped=(\d{1,9})(?: for database: \S+ for retention policy: \S+)?$")
_SERIES_LIMIT = re.compile(r".*partial write: max-(series-per-database|values-per-tag) limit")

# 1.x and 2.x: the names are in quotes, and a repeated line comes after them.
_CONFLICT = re.compile(
    r'.*input field "(?P<field>.+?)" on measurement "(?P<measurement>.+?)" is type (?P<new>\w+),'
    r" already exists as type (?P<old>\w+)"
)
# 3.x names no measurement: it is that of the line in the dead letter.
_CONFLICT_3 = re.compile(
    r"invalid column type for column '(?P<field>.+)', expected iox::column_type::(?P<old>[\w:]+),"
    r" got iox::column_type::[\w:]+$"
)
_DECLARED = {"integer": "int", "float": "float", "boolean": "bool", "string": "string"}
"""InfluxDB's name of a type → its name in a rule."""

_TITLE = re.compile(r"<title[^>]*>([^<]*)", re.IGNORECASE)

# Complete escapes only, so that a message cut in the middle of one can still be decoded.
_CUT_MESSAGE = re.compile(
    r'"(?:message|error)"\s*:\s*"((?:[^"\\]|\\u[0-9a-fA-F]{4}|\\["\\/bfnrt])*)'
)

_NOT_INFLUXDB = (
    "not InfluxDB's answer to a write; check influxdb.url, and any proxy or login page in between"
)

TABLE: tuple[VerdictRow, ...] = (
    VerdictRow({204}, Action.STORED, ""),
    VerdictRow(range(200, 300), Action.HOLD, _NOT_INFLUXDB),
    VerdictRow(
        range(300, 400), Action.HOLD, "redirected; set influxdb.url to the server's own address"
    ),
    VerdictRow(
        {400},
        Action.HOLD,
        "the request itself is wrong; check influxdb.org and influxdb.bucket",
        own=True,
        message=_NOT_ABOUT_LINES,
    ),
    VerdictRow(
        {400, 422},
        Action.REFUSED,
        "InfluxDB's limit on series is reached; raise it, or collect fewer series",
        own=True,
        message=_SERIES_LIMIT,
    ),
    VerdictRow({400, 406, 422}, Action.REFUSED, "InfluxDB refused lines", own=True),
    VerdictRow({400, 406, 422}, Action.HOLD, _NOT_INFLUXDB),
    VerdictRow(
        {401},
        Action.HOLD,
        "InfluxDB does not accept the credentials; check influxdb.token, or username and password",
    ),
    VerdictRow(
        {403},
        Action.HOLD,
        "these credentials have no write access; grant them write access to influxdb.bucket",
    ),
    VerdictRow(
        {404},
        Action.HOLD,
        "InfluxDB has no such bucket or organization; create it, or correct influxdb.bucket or"
        " influxdb.org",
        own=True,
    ),
    VerdictRow({404}, Action.HOLD, "no InfluxDB at this path; check influxdb.url"),
    VerdictRow({413}, Action.TOO_LARGE, "the request exceeds the server's size limit"),
    VerdictRow({408, 425, 429}, Action.RETRY, "InfluxDB asks to wait"),
    VerdictRow({500}, Action.REFUSED, "InfluxDB refused lines", own=True, message=_REFUSAL),
    VerdictRow(
        {500},
        Action.HOLD,
        "InfluxDB has no such retention policy; create it, or correct influxdb.bucket"
        " (DATABASE/POLICY)",
        own=True,
        message=_NO_POLICY,
    ),
    VerdictRow(range(500, 600), Action.RETRY, "InfluxDB cannot accept lines now"),
    VerdictRow(range(0, 1000), Action.HOLD, _NOT_INFLUXDB),
)
"""500 with the message of a refusal: 2.0 to 2.2 sent it for lines they would never accept; 1.8 also
sends 500 for a retention policy that does not exist.
"""


def judge(outcome: Outcome, *, now: datetime) -> Verdict:
    """Decide what an outcome means; `now` converts a Retry-After that is a date to seconds."""
    if isinstance(outcome, NoAnswer):
        return Verdict(Action.RETRY, outcome.kind, "InfluxDB does not answer", outcome.text)
    own, message = _message(outcome)
    row = next(row for row in TABLE if _matches(row, outcome.status, own, message))
    return Verdict(
        action=row.action,
        cause=str(outcome.status),
        text=row.text,
        message=message,
        retry_after_s=_retry_after_s(outcome.retry_after, now),
        dropped=_dropped(message) if row.action is Action.REFUSED else None,
    )


def advice(message: str) -> str | None:
    """Return what to change in the file, if InfluxDB's message on a refused line tells enough."""
    if re.match(r".*(beyond|outside) retention", message):
        return "it is older than the bucket keeps points: raise its retention, or purge the line"
    match = _CONFLICT.match(message)
    if match is not None:
        return _declare(match["old"], f"{match['field']} of measurement {match['measurement']}")
    match = _CONFLICT_3.match(message)
    if match is None:
        return None
    if match["old"] == "tag":
        return f"{match['field']} is a tag of this measurement: give the field another name"
    return _declare(match["old"].removeprefix("field::"), f"{match['field']} of this measurement")


def _declare(old: str, where: str) -> str:
    kind = _DECLARED.get(old, old)
    return f"declare `type: {kind}` for field {where} in its rule, or give the field another name"


def _matches(row: VerdictRow, status: int, own: bool, message: str) -> bool:
    if status not in row.statuses or (row.own and not own):
        return False
    return row.message is None or row.message.match(message) is not None


def _message(answer: HttpAnswer) -> tuple[bool, str]:
    """Return whether the answer is InfluxDB's own, and the message in it."""
    message = _json_message(answer)
    if message is not None:
        return True, _bounded(message)
    if answer.location is not None:
        return False, _bounded(f"to {answer.location}")
    title = _TITLE.search(answer.body[:TITLE_SEARCH_CHARS])
    if title or "html" in answer.content_type.lower():
        return False, _bounded(f"an HTML page, {title[1].strip()!r}" if title else "an HTML page")
    return False, _bounded(answer.body)


def _json_message(answer: HttpAnswer) -> str | None:
    """Return the JSON `message` of 2.x or `error` of 1.x, also the part in a body that was cut."""
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        if "json" not in answer.content_type.lower():
            return None
        match = _CUT_MESSAGE.search(answer.body)
        return json.loads(f'"{match[1]}"', strict=False) if match else None
    if not isinstance(document, dict):
        return None
    texts = (document.get(key) for key in ("message", "error"))
    return next((text for text in texts if isinstance(text, str)), None)


def _bounded(text: str) -> str:
    """Shorten a message in its middle: it begins with the line and ends with the reason."""
    text = " ".join(
        text.encode("utf-8", "replace").decode().split()
    )  # JSON can hold lone surrogates
    if len(text) <= MAX_MESSAGE:
        return text
    half = MAX_MESSAGE // 2
    return f"{text[: half - 3]} … {text[-half:]}"


def _dropped(message: str) -> int | None:
    match = _DROPPED.search(message)
    return int(match[1]) if match else None


def _retry_after_s(text: str | None, now: datetime) -> float | None:
    """Parse seconds or a date (RFC 9110, 10.2.3); None if it is neither."""
    if text is None:
        return None
    if re.fullmatch(r"\s*\d{1,9}\s*", text):
        return min(float(text), MAX_RETRY_AFTER_S)
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if date.tzinfo is None:  # "-0000" by RFC 5322; HTTP's dates are UTC
        date = date.replace(tzinfo=UTC)
    return min(max((date - now).total_seconds(), 0.0), MAX_RETRY_AFTER_S)
