"""Our lines and our verdicts against real InfluxDB servers: 1.8.10 and 2.9.1.

Line protocol: points are written and read back through InfluxQL, and must be equal. Verdicts: the
responses on which `jmxbridge/influx/verdict.py` is based are requested again.
"""

import asyncio
import itertools
import json
import lzma
import math
import os
import re
import shutil
import time
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from demo.cache import cached
from demo.process import Process, free_port
from demo.servers import Influx
from jmxbridge.influx.body import Body
from jmxbridge.influx.client import Writer
from jmxbridge.influx.line_protocol import INT64_MAX, INT64_MIN, encode
from jmxbridge.influx.outcome import HttpAnswer
from jmxbridge.influx.probe import ProbeResult, probe
from jmxbridge.influx.verdict import Action, Verdict, advice, judge
from jmxbridge.point import FieldValue, Point

pytestmark = pytest.mark.real

VERSION_2 = "2.9.1"
PACKED_2 = Path(__file__).parents[3] / "shared" / "bin" / f"influxd-{VERSION_2}.xz"
AUTH_2 = {"org": "o", "token": "t0ken-of-the-test-server"}
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback has no proxy

_instants = itertools.count(1_700_000_000_000_000_000, 1_000_000)


class Server(Protocol):
    """The interface of both servers for these tests."""

    major: int

    def writer(self, **options: Any) -> Writer:
        """Return a writer to the test database; options override those of `Writer`."""

    def series(self, influxql: str) -> list[dict[str, Any]]:
        """Return the series of an InfluxQL statement."""

    def short_bucket(self) -> str:
        """A bucket that keeps an hour."""


class Influx1:
    """The shared 1.8.10, with a new database."""

    major = 1

    def __init__(self, influx: Influx) -> None:
        self._influx = influx
        self._database = influx.create_database()

    def writer(self, **options: Any) -> Writer:
        """A writer."""
        return Writer(self._influx.url, **{"bucket": self._database, **options})

    def series(self, influxql: str) -> list[dict[str, Any]]:
        """The series of an answer."""
        return query(self._influx.url, influxql, self._database, {})

    def short_bucket(self) -> str:
        """A retention policy of an hour."""
        self._influx.query(
            f'CREATE RETENTION POLICY "short" ON "{self._database}" DURATION 1h REPLICATION 1'
        )
        return f"{self._database}/short"


class Influx2:
    """A 2.9.1 server."""

    major = 2

    def __init__(self, folder: Path, binary: Path) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        files = ["--bolt-path", "b.bolt", "--sqlite-path", "s.sqlite", "--engine-path", "engine"]
        address = ["--http-bind-address", self.url.removeprefix("http://"), "--reporting-disabled"]
        folder.mkdir(exist_ok=True)
        self._process = Process([binary, *files, *address], log=folder / "influxd.log", cwd=folder)
        self._process.wait_until(self.answers)
        self._post(
            "/api/v2/setup",
            {
                "username": "u",
                "password": "passw0rd",
                "org": AUTH_2["org"],
                "bucket": "kafka",
                "token": AUTH_2["token"],
                "retentionPeriodSeconds": 0,
            },
        )

    def answers(self) -> bool:
        """Whether /health passes."""
        try:
            with OPENER.open(f"{self.url}/health", timeout=5) as reply:
                return bool(reply.status == 200)
        except OSError:
            return False

    def writer(self, **options: Any) -> Writer:
        """A writer."""
        return Writer(self.url, **{"bucket": "kafka", **AUTH_2, **options})

    def series(self, influxql: str) -> list[dict[str, Any]]:
        """The series of an answer."""
        return query(self.url, influxql, "kafka", {"Authorization": f"Token {AUTH_2['token']}"})

    def short_bucket(self) -> str:
        """A bucket of an hour."""
        name = f"short-{next(NUMBERS)}"
        headers = {"Authorization": f"Token {AUTH_2['token']}"}
        request = urllib.request.Request(f"{self.url}/api/v2/orgs", headers=headers)
        with OPENER.open(request, timeout=60) as reply:
            (org,) = json.load(reply)["orgs"]
        rules = [{"type": "expire", "everySeconds": 3600}]
        self._post("/api/v2/buckets", {"orgID": org["id"], "name": name, "retentionRules": rules})
        return name

    def close(self) -> None:
        """End it."""
        self._process.stop()

    def _post(self, path: str, document: dict[str, Any]) -> None:
        headers = {"Authorization": f"Token {AUTH_2['token']}"}
        body = json.dumps(document).encode()
        request = urllib.request.Request(f"{self.url}{path}", body, headers)
        with OPENER.open(request, timeout=60):
            pass


def query(url: str, influxql: str, database: str, headers: dict[str, str]) -> list[dict[str, Any]]:
    """The series of one InfluxQL statement, times in nanoseconds."""
    form = urllib.parse.urlencode({"q": influxql, "db": database, "epoch": "ns"})
    request = urllib.request.Request(f"{url}/query?{form}", headers=headers)
    with OPENER.open(request, timeout=60) as reply:
        (result,) = json.load(reply)["results"]
    assert "error" not in result, result
    series: list[dict[str, Any]] = result.get("series", [])
    return series


def influxd_2() -> Path:
    """Path of the 2.9.1 server, unpacked once; skips with the reason if there is none."""
    named = os.environ.get("JMXBRIDGE_TEST_INFLUXD2")
    source = Path(named) if named else PACKED_2
    if not source.exists():
        pytest.skip(f"no influxd {VERSION_2}: set JMXBRIDGE_TEST_INFLUXD2 to one")
    if source.suffix != ".xz":
        return source

    def unpack(folder: Path) -> None:
        with lzma.open(source) as packed, (folder / "influxd").open("wb") as file:
            shutil.copyfileobj(packed, file)
        (folder / "influxd").chmod(0o755)

    return cached(f"influxd-{VERSION_2}", unpack) / "influxd"


@pytest.fixture(scope="module", params=["1.8", "2.9"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """Both servers in turn."""
    if request.param == "1.8":
        yield Influx1(request.getfixturevalue("influx"))
        return
    influx2 = Influx2(tmp_path_factory.mktemp("influx2"), influxd_2())
    yield influx2
    influx2.close()


@pytest.fixture
async def make_writer(server: Server) -> AsyncIterator[Callable[..., Writer]]:
    """Create writers to the server, closed after the test."""
    made: list[Writer] = []

    def make(**options: Any) -> Writer:
        made.append(server.writer(**options))
        return made[-1]

    yield make
    for writer in made:
        await writer.close()


# -- Line protocol.

AWKWARD = st.text(st.sampled_from("\\\\\\,= \"'#\n\t\0é😀/.-"), max_size=8)
NUMBERS = itertools.count(1)

named_values: st.SearchStrategy[tuple[str, FieldValue]] = st.one_of(
    st.tuples(st.just("f"), st.floats(allow_nan=False, allow_infinity=False)),
    st.tuples(st.just("g"), st.integers(INT64_MIN, INT64_MAX)),
    st.tuples(st.just("h"), st.booleans()),
    st.tuples(st.just("j"), AWKWARD | st.text(st.characters(codec="utf-8"), max_size=20)),
)


@st.composite
def awkward_points(draw: st.DrawFn) -> Point:
    """A point with a unique measurement; a letter prefix keeps tag and field names distinct."""

    def around(core: str) -> str:
        return draw(st.sampled_from([f"{core}{draw(AWKWARD)}", f"{draw(AWKWARD)}{core}"]))

    tags = {around("t"): draw(AWKWARD) for _ in range(draw(st.integers(0, 3)))}
    fields = {}
    for _ in range(draw(st.integers(1, 4))):
        letter, value = draw(named_values)
        fields[around(letter)] = value
    return Point(around(str(next(NUMBERS))), tags, fields, next(_instants))


def with_tag(text: str) -> Callable[[str], Point]:
    """Return a point with a tag value."""
    return lambda name: Point(name, {"t": text, "other": "x"}, {"f": 1.5}, next(_instants))


def with_field(value: FieldValue, field: str = "f") -> Callable[[str], Point]:
    """Return a point with a field value."""
    return lambda name: Point(name, {"t": "x"}, {field: value}, next(_instants))


EXTREMES: dict[str, Callable[[str], Point]] = {
    "an empty tag value": with_tag(""),
    "a tag of backslashes only": with_tag("\\\\"),
    "a backslash at the end of a tag": with_tag("C:\\dir\\"),
    "a backslash before a comma": with_tag("a\\,b"),
    "a newline in a tag": with_tag("a\nb"),
    "a quote in a tag": with_tag('say "hi"'),
    "unicode in a tag": with_tag("grün 😀 \u202e \u0301"),
    "a newline in a string": with_field("a\nb"),
    "a backslash at the end of a string": with_field("C:\\dir\\"),
    "a quote at the end of a string": with_field('say "hi"'),
    "an empty string": with_field(""),
    "a string of 64 KiB": with_field("x" * 65_536),
    "a backslash at the end of a field": with_field(1.5, "f\\"),
    "a comma, an equals sign and a space in a field": with_field(1.5, "f,=  "),
    "the smallest integer": with_field(INT64_MIN),
    "the largest integer": with_field(INT64_MAX),
    "a float with a large exponent": with_field(1.7976931348623157e308),
    "a float with a small exponent": with_field(5e-324),
    "a whole float with an exponent": with_field(1e22),
    "minus zero": with_field(-0.0),
    "a key of 64 KiB": with_tag(
        "x" * (65_535 - len("x-a-key-of-64-KiB,other=x,t=") - 4 - len("f"))
    ),
}


def visible(text: str) -> str:
    """Return the text as we promise to write control characters."""
    for character, shown in (("\n", r"\n"), ("\t", r"\t"), ("\r", r"\r")):
        text = text.replace(character, shown)
    return re.sub(r"[\0-\x1f\x7f]", lambda m: f"\\x{ord(m[0]):02x}", text)


def carried(text: str, specials: str = ",= ") -> str:
    """Return a name or tag value as read back: without backslashes before specials or the end."""
    return re.sub(rf"\\+(?=[{specials}]|\Z)", "", visible(text))


def promised(point: Point) -> tuple[str, dict[str, str], dict[str, FieldValue]]:
    """Return measurement, tags and fields as InfluxDB must return them."""
    tags = {carried(k): carried(v) for k, v in point.tags.items() if carried(v)}
    fields = {
        carried(k, ',= "'): visible(v) if isinstance(v, str) else v for k, v in point.fields.items()
    }
    return carried(point.measurement, ',= "'), tags, fields


def written(point: Point) -> bytes | None:
    """Return the line; None for a comment or for two names that would become equal."""
    try:
        return encode(point)
    except ValueError:
        return None


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.generate],  # shrinking would send thousands of requests
)
@given(points=st.lists(awkward_points(), min_size=1, max_size=20))
def test_every_point_is_read_back(server: Server, points: list[Point]) -> None:
    """Names, tags and values of every type are equal, with any commas and backslashes."""
    lines = {point.time_ns: line for point in points if (line := written(point))}
    assume(lines)
    writer = server.writer()

    answer = asyncio.run(sent(writer, b"\n".join(lines.values())))

    assert answer.status == 204, answer
    where = f"WHERE time >= {min(lines)} AND time <= {max(lines)} GROUP BY *"
    by_measurement = {
        series["name"]: series for series in server.series(f"SELECT * FROM /.*/ {where}")
    }
    assert len(by_measurement) == len(lines)
    for point in points:
        if point.time_ns in lines:
            assert read(by_measurement[promised(point)[0]], point) == promised(point)


async def sent(writer: Writer, body: bytes) -> HttpAnswer:
    """Write once."""
    outcome = await writer.write(Body(body))
    await writer.close()
    assert isinstance(outcome, HttpAnswer)
    return outcome


def read(series: dict[str, Any], point: Point) -> tuple[str, dict[str, str], dict[str, FieldValue]]:
    """Return a point as InfluxDB returns it: measurement, tags, fields."""
    (row,) = series["values"]
    stored = dict(zip(series["columns"], row, strict=True))
    assert stored.pop("time") == point.time_ns
    tags = {k: v for k, v in series.get("tags", {}).items() if v}
    # JSON has one kind of number: 5.0 arrives as 5, 1e16 as 10000000000000000.
    floats = {carried(k, ',= "') for k, v in point.fields.items() if isinstance(v, float)}
    fields = {k: float(v) if k in floats else v for k, v in stored.items() if v is not None}
    return series["name"], tags, fields


async def test_types_are_kept(server: Server, make_writer: Callable[..., Writer]) -> None:
    """A whole float stays a float on the server, an int an integer."""
    fields: dict[str, FieldValue] = {"f": 5.0, "e": 1e300, "i": 5, "b": True, "s": "5"}

    await make_writer().write(Body(encode(Point("types", {}, fields, 1))))

    (series,) = server.series('SHOW FIELD KEYS FROM "types"')
    kinds = {"f": "float", "e": "float", "i": "integer", "b": "boolean", "s": "string"}
    assert dict(series["values"]) == kinds


async def test_limits_are_the_servers(server: Server, make_writer: Callable[..., Writer]) -> None:
    """The largest key we write is accepted; extreme numbers are read back exactly."""
    room = 65_535 - len("limits,a=") - 4 - len("f")
    extremes = {"f": 5e-324, "g": 1.7976931348623157e308, "i": INT64_MIN, "j": INT64_MAX}
    writer = make_writer()

    longest = await writer.write(Body(encode(Point("limits", {"a": "x" * room}, {"f": 1.0}, 1))))
    await writer.write(Body(encode(Point("extremes", {}, extremes, 1))))

    assert judge(longest, now=datetime.now(UTC)).action is Action.STORED
    (series,) = server.series('SELECT f, g, i, j FROM "extremes"')
    assert series["values"] == [[1, *extremes.values()]]
    assert math.isclose(series["values"][0][1], 5e-324)


# -- Verdicts.

ANSWERS = [
    # what is written, then for 1.8 and 2.9: status, action, dropped, lines stored
    (
        "a malformed line among good ones",
        b"w1 v=1 1\nw1 v=\nw1 v=3 3",
        (400, Action.REFUSED, 0, 2),
        (400, Action.REFUSED, None, 0),
    ),
    (
        "one malformed line",
        b"w2 v=",
        (400, Action.REFUSED, None, 0),
        (400, Action.REFUSED, None, 0),
    ),
    (
        "a type conflict beside a good line",
        b"w3 v=1.0 1",
        (204, Action.STORED, None, 1),
        (204, Action.STORED, None, 1),
    ),
    (
        "a type conflict beside a good line, second write",
        b"w3 v=1i 2\nw3 v=3.0 3",
        (400, Action.REFUSED, 1, 2),
        (422, Action.REFUSED, 1, 2),
    ),
    (
        "a new field with two types in one batch",
        b"w4 v=1i 1\nw4 v=1.0 2",
        (400, Action.REFUSED, None, 0),
        (422, Action.REFUSED, 1, 1),
    ),
    (
        "not a number",
        b"w5 v=NaN 1",
        (400, Action.REFUSED, None, 0),
        (400, Action.REFUSED, None, 0),
    ),
]


@pytest.mark.parametrize("case", ANSWERS, ids=[case[0] for case in ANSWERS])
async def test_verdict_of_each_refusal(
    server: Server, make_writer: Callable[..., Writer], case: tuple[Any, ...]
) -> None:
    """Each refusal gets the verdict of the table; the server stored what the verdict assumes."""
    _, body, *by_version = case
    status, action, dropped, stored = by_version[server.major - 1]

    verdict = judge(await make_writer().write(Body(body)), now=datetime.now(UTC))

    assert (verdict.cause, verdict.action, verdict.dropped) == (str(status), action, dropped)
    measurement = body.split()[0].decode()
    counted = server.series(f'SELECT count(v) FROM "{measurement}"')
    assert (counted[0]["values"][0][1] if counted else 0) == stored


async def test_a_conflict_says_what_to_change(
    server: Server, make_writer: Callable[..., Writer]
) -> None:
    """The sentence has the server's measurement, field and types, and our advice."""
    writer = make_writer()
    await writer.write(Body(b"w7 lag=1.0 1"))

    refused = judge(await writer.write(Body(b"w7 lag=2i 2")), now=datetime.now(UTC))

    words = 'input field "lag" on measurement "w7" is type integer, already exists as type float'
    assert words in refused.message
    assert advice(refused.message) == (
        "declare `type: float` for field lag of measurement w7 in its rule, or give the field"
        " another name"
    )


async def test_a_wrong_path_in_the_url(server: Server, make_writer: Callable[..., Writer]) -> None:
    """A wrong path: lines are held, and the sentence names the URL."""
    right = make_writer()
    wrong = Writer(f"{right.url}/influx", bucket=right.bucket, **credentials(server))

    verdict = await judged(wrong)
    await wrong.close()

    assert (verdict.action, verdict.cause) == (Action.HOLD, "404")
    assert verdict.text == "no InfluxDB at this path; check influxdb.url"


def credentials(server: Server) -> dict[str, Any]:
    """Credentials of a writer to the server."""
    return AUTH_2 if server.major == 2 else {}


async def test_a_newline_at_the_end_of_a_token(
    server: Server, make_writer: Callable[..., Writer]
) -> None:
    """A trailing newline, as editors add it, does not break the token."""
    verdict = await judged(make_writer(token=f"{AUTH_2['token']}\n"))

    assert verdict.action is Action.STORED


@pytest.mark.parametrize("point", EXTREMES, ids=list(EXTREMES))
async def test_an_extreme_is_read_back(
    server: Server, make_writer: Callable[..., Writer], point: str
) -> None:
    """Extremes that a random search may miss are read back equal, or as promised."""
    name = f"x-{point.replace(' ', '-')}"
    sent_point = EXTREMES[point](name)

    answer = await make_writer().write(Body(encode(sent_point)))

    assert judge(answer, now=datetime.now(UTC)).action is Action.STORED, answer
    (series,) = server.series(f'SELECT * FROM "{name}" GROUP BY *')
    assert read(series, sent_point) == promised(sent_point)


async def test_points_outside_retention(server: Server, make_writer: Callable[..., Writer]) -> None:
    """The server's count of refused lines decides a whole batch in one response."""
    bucket = server.short_bucket()
    old = b"\n".join(b"old v=1 %d" % n for n in range(1, 6))

    refused = judge(await make_writer(bucket=bucket).write(Body(old)), now=datetime.now(UTC))
    mixed = b"old v=1 1\nold v=1 %d" % time.time_ns()
    half = judge(await make_writer(bucket=bucket).write(Body(mixed)), now=datetime.now(UTC))

    assert (refused.action, refused.dropped) == (Action.REFUSED, 5)
    assert (half.action, half.dropped) == (Action.REFUSED, 1)
    assert "retention policy" in refused.message


async def test_a_missing_bucket_holds_lines(
    server: Server, make_writer: Callable[..., Writer]
) -> None:
    """Lines are held, and the sentence says what to do."""
    verdict = await judged(make_writer(bucket="nope"))

    assert verdict.action is Action.HOLD
    assert "create it, or correct influxdb.bucket" in verdict.text
    assert '"nope"' in verdict.message


async def test_a_missing_retention_policy_holds_lines(
    server: Server, make_writer: Callable[..., Writer]
) -> None:
    """1.8 answers 500, like for passing faults; the sentence says what to do."""
    if server.major != 1:
        pytest.skip("2.x has no policies")
    database, _, _ = server.short_bucket().partition("/")

    verdict = await judged(make_writer(bucket=f"{database}/nope"))

    assert (verdict.action, verdict.cause) == (Action.HOLD, "500")
    assert "create it, or correct influxdb.bucket (DATABASE/POLICY)" in verdict.text
    assert "nope" in verdict.message


async def judged(writer: Writer) -> Verdict:
    """Return the verdict on one good line."""
    return judge(await writer.write(Body(b"m v=1 1")), now=datetime.now(UTC))


async def test_credentials_and_organisation(
    server: Server, make_writer: Callable[..., Writer]
) -> None:
    """Lines are held on a wrong or missing token and on an unknown organisation (2.x)."""
    if server.major == 1:
        pytest.skip("1.8 has users, and a test of its own")

    wrong = await judged(make_writer(token="nobody-has-this"))  # noqa: S106 - not a real token
    none = await judged(make_writer(token=None))
    org = await judged(make_writer(org="nope"))

    assert [v.action for v in (wrong, none, org)] == [Action.HOLD] * 3
    assert [v.cause for v in (wrong, none, org)] == ["401", "401", "404"]
    assert "influxdb.token" in wrong.text
    assert "influxdb.org" in org.text


async def test_user_and_password_of_1_8(tmp_path: Path) -> None:
    """Right credentials store; wrong or missing ones and a user without rights hold the lines."""
    with Influx(tmp_path, http={"auth-enabled": "true"}) as influx:
        admin = {"u": "admin", "p": "s3cret-of-admin"}
        say(influx, "CREATE USER admin WITH PASSWORD 's3cret-of-admin' WITH ALL PRIVILEGES", {})
        say(influx, "CREATE DATABASE kafka", admin)
        say(influx, "CREATE USER reader WITH PASSWORD 's3cret-of-reader'", admin)
        users = [
            ("admin", admin["p"]),
            ("admin", "wrong"),
            (None, None),
            ("reader", "s3cret-of-reader"),
        ]
        verdicts = []
        for username, password in users:
            writer = Writer(influx.url, bucket="kafka", username=username, password=password)
            verdicts.append(await judged(writer))
            await writer.close()

    assert [v.action for v in verdicts] == [Action.STORED, Action.HOLD, Action.HOLD, Action.HOLD]
    assert [v.cause for v in verdicts] == ["204", "401", "401", "403"]
    assert "username and password" in verdicts[1].text
    assert "write access" in verdicts[3].text


def say(influx: Influx, influxql: str, user: dict[str, str]) -> None:
    """Run a statement as a user."""
    form = urllib.parse.urlencode({"q": influxql, **user})
    request = urllib.request.Request(f"{influx.url}/query?{form}", method="POST")
    with OPENER.open(request, timeout=60) as reply:
        assert "error" not in json.load(reply)["results"][0]


async def test_a_probe_tells_who_answers(
    server: Server, make_writer: Callable[..., Writer]
) -> None:
    """The probe returns version, bucket and retention, and reports a missing bucket."""
    bucket = server.short_bucket()

    answer = await probe(make_writer(bucket=bucket), cluster="prod", now=datetime.now(UTC))
    missing = await probe(make_writer(bucket="nope"), cluster="prod", now=datetime.now(UTC))

    version = {1: "1.8.10", 2: "2.9.1"}[server.major]
    assert answer == ProbeResult(version, True, True, 3600.0, None)
    assert (missing.version, missing.stored, missing.bucket_exists) == (version, False, False)
    assert "create it, or correct influxdb.bucket" in (missing.problem or "")
