"""What an answer to a write means for the lines that were written.

Rule: one table decides, its first row that matches. A line counts as stored only where the answer
says so in InfluxDB's own way, and as refused only where InfluxDB itself refused it: a proxy's error
page must cost no line, whatever its status.

The same status means different things by server and version. A 400 of 1.8 stored the good lines of
the batch, a 400 of 2.x and 3.x stored none, a 422 of 2.x stored the others, an old 2.0 said 500 for
the same: none of it matters here, because lines are only booked by a 204 for exactly them, and
sending a line twice changes nothing.
"""

import json
import re
from collections.abc import Container
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum

MAX_WORDS = 500
"""Characters of a server's message that are kept; InfluxDB repeats whole lines in it."""

MAX_RETRY_AFTER_S = 600.0
"""A maintenance page may ask for a day; the lines should not wait so long after it is gone."""


MAX_TITLE_AT = 4096
"""Where a page's title is looked for; a page made to be slow to search is not searched far."""


class Action(StrEnum):
    """What to do with the lines of one request."""

    STORED = "stored"
    REFUSED = "refused"  # at least one line is bad: find it
    TOO_LARGE = "too large"  # split, and send smaller bodies from now on
    HOLD = "hold"  # somebody has to set something right; ask again slowly
    RETRY = "retry"  # it will pass by itself


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; `body` may be cut, `version` is what the server says of itself.

    `date` is its clock, as RFC 9110 has it in a header.
    """

    status: int
    body: str = ""
    content_type: str = ""
    retry_after: str | None = None
    location: str | None = None
    version: str | None = None
    date: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A write that got no answer: `kind` is one word, `text` the system's own words."""

    kind: str
    text: str


Outcome = Answer | Failure


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done, and how to say it.

    `cause` is short and stays the same while the trouble does; `sentence` tells an operator what
    to set right; `words` are the server's, bounded; `dropped` is how many lines it says it refused.
    """

    action: Action
    cause: str
    sentence: str = ""
    words: str = ""
    retry_after_s: float | None = None
    dropped: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table: statuses, and words that must be (`words`) in InfluxDB's message.

    `own` rows match only answers that are InfluxDB's: JSON with a message in it.
    """

    statuses: Container[int]
    action: Action
    sentence: str
    own: bool = False
    words: re.Pattern[str] | None = None


# Only at the beginning: a message about a line repeats the line, which may hold any word.
_NOT_ABOUT_LINES = re.compile(
    r"(database is required|invalid precision|gzip: |please provide either orgID or org)",
    re.IGNORECASE,
)
_NO_POLICY = re.compile(r"retention policy not found")
_REFUSAL = re.compile(
    r".*(partial write|field type conflict|unable to parse|beyond retention|outside retention)",
    re.IGNORECASE,
)
# At the end, where no line that the server repeats can forge it; the tail is 2.9's.
_DROPPED = re.compile(r"\bdropped=(\d{1,9})(?: for database: \S+ for retention policy: \S+)?$")
_SERIES_LIMIT = re.compile(r".*partial write: max-(series-per-database|values-per-tag) limit")

# 1.x and 2.x; the names stand between quotes, and a line that is repeated stands after them.
_CONFLICT = re.compile(
    r'.*input field "(?P<field>.+?)" on measurement "(?P<measurement>.+?)" is type (?P<new>\w+),'
    r" already exists as type (?P<old>\w+)"
)
# 3.x, which names no measurement: it is that of the line the letter keeps.
_CONFLICT_3 = re.compile(
    r"invalid column type for column '(?P<field>.+)', expected iox::column_type::(?P<old>[\w:]+),"
    r" got iox::column_type::[\w:]+$"
)
_DECLARED = {"integer": "int", "float": "float", "boolean": "bool", "string": "string"}
"""InfluxDB's names of types, and ours in a rule."""

_TITLE = re.compile(r"<title[^>]*>([^<]*)", re.IGNORECASE)

# Whole escapes only, so that what was cut in the middle of one can still be read.
_CUT_MESSAGE = re.compile(
    r'"(?:message|error)"\s*:\s*"((?:[^"\\]|\\u[0-9a-fA-F]{4}|\\["\\/bfnrt])*)'
)

_NOT_INFLUXDB = (
    "this is not InfluxDB's answer to a write; check influxdb.url, and any proxy or login page on"
    " the way"
)

TABLE: tuple[Row, ...] = (
    Row({204}, Action.STORED, ""),
    Row(range(200, 300), Action.HOLD, _NOT_INFLUXDB),
    Row(range(300, 400), Action.HOLD, "redirected; put the server's own address in influxdb.url"),
    Row(
        {400},
        Action.HOLD,
        "the request itself is wrong; check influxdb.org and influxdb.bucket",
        own=True,
        words=_NOT_ABOUT_LINES,
    ),
    Row(
        {400, 422},
        Action.REFUSED,
        "InfluxDB's limit on series is reached; raise it, or collect fewer",
        own=True,
        words=_SERIES_LIMIT,
    ),
    Row({400, 406, 422}, Action.REFUSED, "InfluxDB refused lines", own=True),
    Row({400, 406, 422}, Action.HOLD, _NOT_INFLUXDB),
    Row(
        {401},
        Action.HOLD,
        "InfluxDB does not accept the credentials; check influxdb.token, or username and password",
    ),
    Row(
        {403},
        Action.HOLD,
        "these credentials may not write here; give them write access to influxdb.bucket",
    ),
    Row(
        {404},
        Action.HOLD,
        "InfluxDB does not have it; create it, or correct influxdb.bucket or influxdb.org",
        own=True,
    ),
    Row({404}, Action.HOLD, "no InfluxDB at this path; check influxdb.url"),
    Row({413}, Action.TOO_LARGE, "the server's limit on a request's size"),
    Row({408, 425, 429}, Action.RETRY, "InfluxDB asks to wait"),
    Row({500}, Action.REFUSED, "InfluxDB refused lines", own=True, words=_REFUSAL),
    Row(
        {500},
        Action.HOLD,
        "InfluxDB does not have it; create it, or correct influxdb.bucket (DATABASE/POLICY)",
        own=True,
        words=_NO_POLICY,
    ),
    Row(range(500, 600), Action.RETRY, "InfluxDB cannot take lines now"),
    Row(range(0, 1000), Action.HOLD, _NOT_INFLUXDB),
)
"""`500` with a refusal's words: 2.0 to 2.2 said so for lines they would never take; 1.8 also says
it for a retention policy that is not there."""


def judge(outcome: Outcome, *, now: datetime) -> Verdict:
    """Tell what an outcome means; `now` turns a Retry-After that is a date into seconds."""
    if isinstance(outcome, Failure):
        return Verdict(Action.RETRY, outcome.kind, "InfluxDB does not answer", outcome.text)
    own, words = _words(outcome)
    row = next(row for row in TABLE if _matches(row, outcome.status, own, words))
    return Verdict(
        action=row.action,
        cause=str(outcome.status),
        sentence=row.sentence,
        words=words,
        retry_after_s=_retry_after_s(outcome.retry_after, now),
        dropped=_dropped(words) if row.action is Action.REFUSED else None,
    )


def advice(words: str) -> str | None:
    """What to change in the file, where a refusal in InfluxDB's words says enough to tell."""
    if re.match(r".*(beyond|outside) retention", words):
        return "it is older than the bucket keeps points: raise its retention, or purge the line"
    found = _CONFLICT.match(words)
    if found is not None:
        return _declare(found["old"], f"{found['field']} of measurement {found['measurement']}")
    found = _CONFLICT_3.match(words)
    if found is None:
        return None
    if found["old"] == "tag":
        return f"{found['field']} is a tag of this measurement: give the field another name"
    return _declare(found["old"].removeprefix("field::"), f"{found['field']} of this measurement")


def _declare(old: str, where: str) -> str:
    kind = _DECLARED.get(old, old)
    return f"declare `type: {kind}` for field {where} in its rule, or give the field another name"


def _matches(row: Row, status: int, own: bool, words: str) -> bool:
    if status not in row.statuses or (row.own and not own):
        return False
    return row.words is None or row.words.match(words) is not None


def _words(answer: Answer) -> tuple[bool, str]:
    """Whether InfluxDB itself speaks, and what it says."""
    message = _message(answer)
    if message is not None:
        return True, _bounded(message)
    if answer.location is not None:
        return False, _bounded(f"to {answer.location}")
    title = _TITLE.search(answer.body[:MAX_TITLE_AT])
    if title or "html" in answer.content_type.lower():
        return False, _bounded(f"an HTML page, {title[1].strip()!r}" if title else "an HTML page")
    return False, _bounded(answer.body)


def _message(answer: Answer) -> str | None:
    """The JSON `message` of 2.x or `error` of 1.x; of a body that was cut, what there is of it."""
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        if "json" not in answer.content_type.lower():
            return None
        found = _CUT_MESSAGE.search(answer.body)
        return json.loads(f'"{found[1]}"', strict=False) if found else None
    if not isinstance(document, dict):
        return None
    texts = (document.get(key) for key in ("message", "error"))
    return next((text for text in texts if isinstance(text, str)), None)


def _bounded(text: str) -> str:
    """Bound a message at its end: its beginning is the line, its end the reason."""
    text = " ".join(text.encode("utf-8", "replace").decode().split())  # JSON can hold half a pair
    if len(text) <= MAX_WORDS:
        return text
    half = MAX_WORDS // 2
    return f"{text[: half - 3]} … {text[-half:]}"


def _dropped(words: str) -> int | None:
    found = _DROPPED.search(words)
    return int(found[1]) if found else None


def _retry_after_s(text: str | None, now: datetime) -> float | None:
    """Seconds, or a date (RFC 9110, 10.2.3); None for neither."""
    if text is None:
        return None
    if re.fullmatch(r"\s*\d{1,9}\s*", text):
        return min(float(text), MAX_RETRY_AFTER_S)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if at.tzinfo is None:  # "-0000" by RFC 5322; HTTP's dates are UTC
        at = at.replace(tzinfo=UTC)
    return min(max((at - now).total_seconds(), 0.0), MAX_RETRY_AFTER_S)
