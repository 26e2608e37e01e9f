"""Verdict table, row by row, with the messages of real servers."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from jmxbridge.influx.outcome import HttpAnswer, NoAnswer
from jmxbridge.influx.verdict import (
    MAX_MESSAGE,
    MAX_RETRY_AFTER_S,
    TABLE,
    Action,
    Verdict,
    advice,
    judge,
)

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)

STORED, REFUSED, TOO_LARGE = Action.STORED, Action.REFUSED, Action.TOO_LARGE
HOLD, RETRY = Action.HOLD, Action.RETRY


def said(text: str, key: str = "error") -> str:
    """Return a JSON body with one message."""
    return json.dumps({key: text}) + "\n"


CONFLICT = (
    'partial write: field type conflict: input field "v" on measurement "m" is type integer,'
    " already exists as type float dropped=1"
)
LOGIN = "<html><head><title>Sign in</title></head><body>…</body></html>"

# Which row of the table, by its index; what answered; what becomes of the lines; why that is right.
CASES: list[tuple[int, HttpAnswer, Action, str]] = [
    (0, HttpAnswer(204), STORED, "the only answer with which InfluxDB stores"),
    (1, HttpAnswer(200, LOGIN, "text/html"), HOLD, "a login page has not stored anything"),
    (1, HttpAnswer(200), HOLD, "no InfluxDB answers a write so"),
    (1, HttpAnswer(201, said("x", "message")), HOLD, "not a promise for every line"),
    (
        2,
        HttpAnswer(302, location="https://sso/login"),
        HOLD,
        "lines go to the configured place only",
    ),
    (2, HttpAnswer(307, location="https://h:8086/"), HOLD, "the configuration can be set right"),
    (3, HttpAnswer(400, said("database is required")), HOLD, "1.8 without db: no line is to blame"),
    (
        3,
        HttpAnswer(400, said("gzip: invalid header")),
        HOLD,
        "something on the way unpacked the body",
    ),
    (
        3,
        HttpAnswer(400, said("please provide either orgID or org", "message")),
        HOLD,
        "2.x, no org",
    ),
    (
        4,
        HttpAnswer(
            400, said("partial write: max-series-per-database limit exceeded: (5) dropped=2")
        ),
        REFUSED,
        "lines of series that exist already are to go on",
    ),
    (
        4,
        HttpAnswer(400, said("partial write: max-values-per-tag limit exceeded (5/5) dropped=1")),
        REFUSED,
        "the same for a tag's values",
    ),
    (
        5,
        HttpAnswer(400, said("unable to parse 'm v=': missing field value")),
        REFUSED,
        "one bad line",
    ),
    (
        5,
        HttpAnswer(400, said("partial write: unable to parse 'm v=': x dropped=0")),
        REFUSED,
        "1.8",
    ),
    (5, HttpAnswer(400, said(CONFLICT)), REFUSED, "1.8 stored the others"),
    (5, HttpAnswer(400, said("field type conflict")), REFUSED, "1.8, a new field with two types"),
    (
        5,
        HttpAnswer(400, said("partial write: points beyond retention policy dropped=1")),
        REFUSED,
        "never to be stored",
    ),
    (
        5,
        HttpAnswer(400, said("unable to parse 'm v=': missing field value", "message")),
        REFUSED,
        "2.x and 3.x stored nothing, the search finds the line",
    ),
    (
        5,
        HttpAnswer(422, said(f"failure writing points to database: {CONFLICT}", "message")),
        REFUSED,
        "2.x stored the others",
    ),
    (
        5,
        HttpAnswer(
            400, said("unable to parse 'm,compression=gzip precision=': missing field value")
        ),
        REFUSED,
        "words of the line are not words about the request",
    ),
    (5, HttpAnswer(406, said("x", "message")), REFUSED, "refused for what it is"),
    (
        6,
        HttpAnswer(400, "<h1>400</h1>The plain HTTP request was sent to HTTPS port", "text/html"),
        HOLD,
        "a proxy's 400 must not turn a spool into dead letters",
    ),
    (6, HttpAnswer(422, "nope"), HOLD, "not in InfluxDB's way"),
    (7, HttpAnswer(401, said("unauthorized access", "message")), HOLD, "credentials"),
    (7, HttpAnswer(401, LOGIN, "text/html"), HOLD, "a proxy's credentials"),
    (8, HttpAnswer(403, said('"u" user is not authorized to write')), HOLD, "rights"),
    (9, HttpAnswer(404, said('database not found: "nope"')), HOLD, "1.8: it can be created"),
    (9, HttpAnswer(404, said('bucket "nope" not found', "message")), HOLD, "2.x"),
    (9, HttpAnswer(404, said('organization name "nope" not found', "message")), HOLD, "2.x"),
    (10, HttpAnswer(404, "404 page not found\n", "text/plain"), HOLD, "wrong path in the URL"),
    (11, HttpAnswer(413, said("Request Entity Too Large")), TOO_LARGE, "1.8's max-body-size"),
    (
        11,
        HttpAnswer(413, "<html>nginx</html>", "text/html"),
        TOO_LARGE,
        "a proxy has limits as well",
    ),
    (12, HttpAnswer(408), RETRY, "it may be in time the next time"),
    (12, HttpAnswer(425), RETRY, "too early"),
    (12, HttpAnswer(429, said("rate limit", "message")), RETRY, "InfluxDB Cloud"),
    (
        13,
        HttpAnswer(500, said(f"unexpected error writing points: {CONFLICT}", "message")),
        REFUSED,
        "2.0 to 2.2 said 500 for lines they would never take; as a retry it would never end",
    ),
    (14, HttpAnswer(500, said("retention policy not found: nope")), HOLD, "1.8: it can be created"),
    (15, HttpAnswer(500, said("timeout")), RETRY, "1.8 was too slow"),
    (
        15,
        HttpAnswer(500, said("engine: cache-max-memory-size exceeded: (1/1)", "message")),
        RETRY,
        "overload passes",
    ),
    (15, HttpAnswer(500, "partial write", "text/plain"), RETRY, "not InfluxDB's words"),
    (15, HttpAnswer(502, LOGIN, "text/html"), RETRY, "a proxy whose server is restarting"),
    (15, HttpAnswer(503), RETRY, "it will be back"),
    (15, HttpAnswer(504), RETRY, "it will be back"),
    (16, HttpAnswer(405, "", "text/html"), HOLD, "something else than InfluxDB is there"),
    (16, HttpAnswer(418), HOLD, "an unknown status costs no line"),
    (16, HttpAnswer(101), HOLD, "an unknown status costs no line"),
]


@pytest.mark.parametrize(
    ("row", "answer", "action", "why"), CASES, ids=[f"{c[1].status} {c[3]}" for c in CASES]
)
def test_verdict_of_each_answer(row: int, answer: HttpAnswer, action: Action, why: str) -> None:
    """Each answer reaches its row, with that row's action and text."""
    verdict = judge(answer, now=NOW)

    assert (verdict.action, verdict.cause) == (action, str(answer.status)), why
    assert verdict.text == TABLE[row].text


def test_every_row_of_the_table_has_an_example() -> None:
    """A row without an example would be untested."""
    assert {case[0] for case in CASES} == set(range(len(TABLE)))


def test_verdict_stores_on_204_alone() -> None:
    """No other answer, with any body, counts lines as stored."""
    for status in range(100, 1000):
        for body in ("", said("ok"), LOGIN):
            assert (judge(HttpAnswer(status, body), now=NOW).action is STORED) == (status == 204)


def test_verdict_refuses_lines_only_by_influxdbs_message() -> None:
    """No status alone refuses a line, except that a single line can be too large."""
    bodies = ("", "refused", LOGIN, "[]", "{}", '{"error": 5}', "[" * 60_000)
    for status in range(100, 1000):
        for body in bodies:
            assert judge(HttpAnswer(status, body), now=NOW).action is not REFUSED


def test_verdict_retries_after_no_answer() -> None:
    """Refused connections, timeouts, unknown names and TLS errors may all pass."""
    verdict = judge(NoAnswer("refused", "connection refused"), now=NOW)

    assert verdict == Verdict(RETRY, "refused", "InfluxDB does not answer", "connection refused")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (HttpAnswer(400, said("a  b\n c")), "a b c"),
        (HttpAnswer(400, '{"code":"invalid","message":"m","error":"e"}'), "m"),
        (HttpAnswer(400, '{"error":""}'), ""),
        (HttpAnswer(400, '{"error":"half \\ud800"}'), "half ?"),
        (HttpAnswer(502, "bad gateway\r\n", "text/plain"), "bad gateway"),
        (HttpAnswer(200, LOGIN, "text/html"), "an HTML page, 'Sign in'"),
        (HttpAnswer(200, "<h1>Hi</h1>", "text/html; charset=utf-8"), "an HTML page"),
        (HttpAnswer(302, "see there", location="https://sso/"), "to https://sso/"),
        (HttpAnswer(503), ""),
    ],
)
def test_verdict_has_the_servers_message(answer: HttpAnswer, words: str) -> None:
    """The message of 1.x and 2.x, plain text, a page's title, a redirect's location."""
    assert judge(answer, now=NOW).message == words


def test_messages_are_bounded_and_keep_both_ends() -> None:
    """The beginning has the line, the end the reason."""
    text = f"unable to parse '{'x' * 60_000}': missing field value"

    words = judge(HttpAnswer(400, said(text)), now=NOW).message

    assert len(words) <= MAX_MESSAGE
    assert words.startswith("unable to parse 'xxx")
    assert words.endswith("xxx': missing field value")


def test_a_cut_message_is_still_influxdbs() -> None:
    """1.8 repeats every line it could not parse, which is more than is read of an answer."""
    cut = said("partial write: unable to parse 'm \"v\"=': x\n" * 1000)[:2000]

    verdict = judge(HttpAnswer(400, cut, "application/json"), now=NOW)

    assert verdict.action is REFUSED
    assert verdict.message.startswith("partial write: unable to parse 'm \"v\"=': x partial")


def test_verdict_reads_the_number_of_refused_lines() -> None:
    """Only if lines were refused, and only at the end, where no line can forge it."""
    assert judge(HttpAnswer(400, said(CONFLICT)), now=NOW).dropped == 1
    longer = said(
        "partial write: dropped 2 points … dropped=2 for database: x for retention policy: y"
    )
    assert judge(HttpAnswer(422, longer), now=NOW).dropped == 2
    assert judge(HttpAnswer(500, said("x dropped=1")), now=NOW).dropped is None
    forged = said("unable to parse 'm dropped=3': bad")
    assert judge(HttpAnswer(400, forged), now=NOW).dropped is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("0", 0.0),
        ("999999", MAX_RETRY_AFTER_S),
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30.0),
        ("Sun, 01 Mar 2026 12:00:30 -0000", 30.0),
        ("Sunday, 01-Mar-26 12:00:30 GMT", 30.0),
        ("Sun Mar  1 12:00:30 2026", 30.0),
        ("Sun, 01 Mar 2026 11:59:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", MAX_RETRY_AFTER_S),
        ("-5", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_verdict_reads_retry_after(text: str | None, seconds: float | None) -> None:
    """Seconds, or any of HTTP's three date formats; bounded; anything else is ignored."""
    assert judge(HttpAnswer(503, retry_after=text), now=NOW).retry_after_s == seconds


def test_verdict_takes_the_time_as_an_argument() -> None:
    """The same answer at a later time means a shorter wait."""
    answer = HttpAnswer(503, retry_after="Sun, 01 Mar 2026 12:00:30 GMT")

    assert judge(answer, now=NOW + timedelta(seconds=20)).retry_after_s == 10.0


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (
            'partial write: field type conflict: input field "lag" on measurement "kafka_consumer"'
            " is type float, already exists as type integer dropped=1",
            "declare `type: int` for field lag of measurement kafka_consumer in its rule, or give"
            " the field another name",
        ),
        (
            "failure writing points to database: partial write: field type conflict:"
            ' input field "v" on measurement "m" is type string, already exists as type boolean'
            " dropped=2",
            "declare `type: bool` for field v of measurement m in its rule, or give the field"
            " another name",
        ),
        (
            "partial write: points beyond retention policy dropped=1",
            "it is older than the bucket keeps points: raise its retention, or purge the line",
        ),
        (
            "invalid column type for column 'lag', expected iox::column_type::field::integer,"
            " got iox::column_type::field::float",
            "declare `type: int` for field lag of this measurement in its rule, or give the field"
            " another name",
        ),
        (
            "invalid column type for column 'topic', expected iox::column_type::tag,"
            " got iox::column_type::field::string",
            "topic is a tag of this measurement: give the field another name",
        ),
        ("field type conflict", None),
        ("unable to parse 'm v=': missing field value", None),
    ],
)
def test_advice_tells_what_to_change(message: str, text: str | None) -> None:
    """InfluxDB's message has measurement, field and both types."""
    assert advice(message) == text
