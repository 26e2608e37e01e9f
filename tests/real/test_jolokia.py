"""Jolokia's agents 1.x and 2.x: values, names, logins and commands."""

import json
import math
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from demo.servers import JOLOKIA_VERSIONS, Jvm, free_port, jolokia_option
from jmxbridge.cli import app
from jmxbridge.jmx import (
    Composite,
    ConnectionFailed,
    Credentials,
    MBeanInfo,
    ObjectName,
    RemoteException,
    Tls,
    Value,
)
from jmxbridge.transports.jolokia_agent import JolokiaAgent
from tests.real.papers import STORE_PASSWORD, Papers, make_papers

pytestmark = pytest.mark.real

SOURCE = Path(__file__).parent.parent / "oracle" / "Values.java"
RIGHT = Credentials("monitor", "sword:fish")
DECLARED = ObjectName.parse("odd:type=Declared")
NUMBERS = ObjectName.parse("odd:type=Numbers")
INNER: dict[str, Value] = {"x": 2**60, "y": "\u00e9"}
# Attributes of `Values.java` that JSON transfers unchanged.
EXACT: dict[str, dict[str, Any]] = {
    "odd:type=Numbers": {
        **{"Zero": 0.0, "MaxDouble": sys.float_info.max, "MinDouble": 5e-324, "FloatTenth": 0.1},
        **{"Above2To53": 2**53 + 1, "MaxLong": 2**63 - 1, "MinLong": -(2**63)},
        **{"MaxInt": 2**31 - 1, "Short": -2, "Byte": -1, "True": True, "False": False},
        **{"Huge": -123456789012345678901234567890, "NoughtBig": 0},
    },
    "odd:type=Texts": {
        **{"Empty": "", "Umlaut": "üß", "Emoji": "\U0001f600 and \U0001f601", "Nul": "a\0b"},
        **{"Newline": "a\nb\r\tc", "Long": "\u00e9" * 40_000, "Null": None, "Char": "c"},
        **{"Enum": "ON", "EnumWithBody": "ONE", "TimeUnit": "SECONDS"},
    },
    "odd:type=Arrays": {
        **{"Booleans": (True, False), "Ints": (-(2**31), 0), "Longs": (2**62, -1), "Empty": ()},
        **{"Strings": ("a", None, "a"), "Nested": ((1, 2), (), None)},
    },
    "odd:type=Collections": {"ArrayList": (1, None, "x"), "MapOf": Composite({"k": 1.5})},
    "odd:type=Objects": {"Name": ObjectName.parse('odd:name="a,b=c\\*",type=x')},
    "odd:type=Open": {
        "Inner": Composite(INNER),
        "Nulls": Composite({"x": None, "y": None}),
        "EmptyTable": Composite({}),
        "Table": Composite({str(2**60): Composite(INNER), "2": Composite({"x": 2, "y": "second"})}),
    },
    "odd:type=Faulty": {"Fine": 1},
}


def url(port: int) -> str:
    return f"http://127.0.0.1:{port}/jolokia/"


@pytest.fixture(scope="module", params=JOLOKIA_VERSIONS)
def where(request: pytest.FixtureRequest) -> Iterator[str]:
    """URL of an agent in a JVM whose values are hard to transfer."""
    port = free_port()
    with Jvm(SOURCE, jvm_options=[jolokia_option(port, request.param)]):
        yield url(port)


@pytest.fixture
async def agent(where: str) -> AsyncIterator[JolokiaAgent]:
    """Our client of the agent."""
    async with JolokiaAgent(where) as opened:
        yield opened


async def test_values_that_json_can_hold_are_exact(agent: JolokiaAgent) -> None:
    """Values that JSON can hold are equal: longs to the last digit, strings, composites."""
    wanted = [(ObjectName.parse(name), list(values)) for name, values in EXACT.items()]
    read = await agent.get_many(wanted)
    assert read == list(EXACT.values())


async def test_null_is_nan_where_it_can_be_nothing_else(agent: JolokiaAgent) -> None:
    """JSON has no NaN: null is NaN where the declared type is a number."""
    attributes = ["NaN", "Infinity", "Nothing", "Half"]
    [info] = await agent.get_infos([DECLARED])
    assert isinstance(info, MBeanInfo)
    assert {
        attribute.name: (attribute.type, attribute.readable) for attribute in info.attributes
    } == {
        "NaN": ("double", True),
        "Infinity": ("float", True),
        "Nothing": ("java.lang.Double", True),
        "Half": ("double", True),
    }
    for _ in range(2):
        [read] = await agent.get_many([(DECLARED, attributes)])
        assert not isinstance(read, RemoteException)
        assert isinstance(read["NaN"], float)
        assert isinstance(read["Infinity"], float)
        assert math.isnan(read["NaN"])
        assert math.isnan(read["Infinity"])
        assert (read["Nothing"], read["Half"]) == (None, 0.5)


async def test_nan_spoils_no_other_attribute(agent: JolokiaAgent) -> None:
    """If an agent fails on NaN, the others are read apart; newer agents need one POST."""
    for posts in (None, 1):
        before = agent.traffic["round_trips"]
        [read] = await agent.get_many([(NUMBERS, ["Small", "NaN", "MaxLong", "NoSuch"])])
        assert not isinstance(read, RemoteException)
        assert set(read) == {"Small", "NaN", "MaxLong"}
        assert (read["Small"], read["MaxLong"]) == (7, 2**63 - 1)
        assert read["NaN"] is None or read["NaN"] != read["NaN"]
        assert posts is None or agent.traffic["round_trips"] == before + posts


async def test_failed_attributes_are_left_out(agent: JolokiaAgent) -> None:
    """A throwing getter and a missing attribute are left out; a missing MBean is reported."""
    gone = ObjectName.parse("odd:type=Gone")
    faulty = ObjectName.parse("odd:type=Faulty")
    read = await agent.get_many([(gone, ["a"]), (faulty, ["Throws", "Fine", "Missing"])])
    assert isinstance(read[0], RemoteException)
    assert read[0].error_class == "not_found"
    assert read[1] == {"Fine": 1}
    [info] = await agent.get_infos([gone])
    assert isinstance(info, RemoteException)


async def test_every_name_leads_back_to_its_mbean(agent: JolokiaAgent) -> None:
    """Names with quotes, slashes and the like can be listed and read."""
    for pattern in ("odd:*", "b=c:*", "\u00e4:*", None):
        names = await agent.query(None if pattern is None else ObjectName.parse(pattern))
        assert names
        assert not [
            info for info in await agent.get_infos(names) if isinstance(info, RemoteException)
        ]
        for name in names:
            if name.value("type") in ("Quoted", "Umlaut", "QuoteInKey", "DomainWithEquals"):
                assert await agent.get_many([(name, ["NoSuch"])]) == [{}]
                [read] = await agent.get_many([(name, ["Here"])])
                assert not isinstance(read, RemoteException)
                assert ObjectName.parse(str(read["Here"])) == name


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    """Certificates."""
    return make_papers(tmp_path_factory.mktemp("papers"))


@pytest.fixture(scope="module", params=[JOLOKIA_VERSIONS[0], JOLOKIA_VERSIONS[-1]])
def guarded(request: pytest.FixtureRequest, papers: Papers) -> Iterator[str]:
    """URL of an agent with TLS that requires a client certificate or a password."""
    port = free_port()
    store = papers.folder / f"agent-{request.param}.p12"
    shutil.copy(papers.folder / "server.p12", store)
    trust = f"-importcert -noprompt -alias ca -file {papers.ca} -keystore {store}"
    subprocess.run(
        ["keytool", *trust.split(), "-storepass", STORE_PASSWORD], check=True, capture_output=True
    )
    option = jolokia_option(
        port,
        request.param,
        protocol="https",
        keystore=f"{store}",
        keystorePassword=STORE_PASSWORD,
        keyStoreType="PKCS12",
        useSslClientAuthentication="true",
        user=RIGHT.username,
        password=RIGHT.password,
    )
    with Jvm(SOURCE, jvm_options=[option]):
        yield f"https://127.0.0.1:{port}/jolokia/"


async def ask(where: str, *, credentials: Credentials | None = None, tls: Tls | None) -> None:
    source = None if credentials is None else lambda: credentials
    async with JolokiaAgent(where, credentials=source, tls=tls) as agent:
        await agent.query(DECLARED)


async def test_tls_with_a_certificate_or_a_password(guarded: str, papers: Papers) -> None:
    """Either is accepted; without both the error names what is missing, never a secret."""
    ours = Tls(ca_file=papers.ca)
    await ask(guarded, credentials=RIGHT, tls=ours)
    known = Tls(ca_file=papers.ca, cert_file=papers.client, key_file=papers.client_key)
    await ask(guarded, tls=known)
    cases: list[tuple[str, Credentials | None, Tls | None, str, str]] = [
        (guarded, Credentials("monitor", "hunter2-and-more"), ours, "access", "of monitor"),
        (guarded, None, ours, "access", "set username"),
        (guarded, RIGHT, None, "tls", "tls.ca_file"),
        (guarded, RIGHT, Tls(ca_file=papers.other_ca), "tls", "tls.ca_file"),
        (guarded.replace("127.0.0.1", "localhost"), RIGHT, ours, "tls", "tls.check_hostname"),
        (guarded.replace("https", "http"), RIGHT, None, "closed", "scheme (http/https)"),
    ]
    for where, credentials, tls, word, message in cases:
        with pytest.raises(ConnectionFailed) as caught:
            await ask(where, credentials=credentials, tls=tls)
        assert caught.value.error_class == word
        assert message in str(caught.value)
        assert RIGHT.password not in str(caught.value) + repr(caught.value)
        assert "hunter2" not in str(caught.value)


POLICY = "<restrict><commands>{}</commands></restrict>"


@pytest.fixture(scope="module", params=[JOLOKIA_VERSIONS[0], JOLOKIA_VERSIONS[-1]])
def restricted(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """URL of an agent that allows search and read, but not list."""
    policy = tmp_path_factory.mktemp("policy") / "access.xml"
    allowed = "".join(f"<command>{command}</command>" for command in ("search", "read"))
    policy.write_text(POLICY.format(allowed))
    port = free_port()
    option = jolokia_option(port, request.param, policyLocation=f"file://{policy}")
    with Jvm(SOURCE, jvm_options=[option]):
        yield url(port)


async def test_a_forbidden_list_is_an_error(restricted: str) -> None:
    """A forbidden list is an error, not a JVM without attributes."""
    async with JolokiaAgent(restricted) as agent:
        names = await agent.query(ObjectName.parse("odd:*"))
        assert await agent.get_many([(ObjectName.parse("odd:type=Faulty"), ["Fine"])])
        with pytest.raises(RemoteException) as caught:
            await agent.get_infos(names)
    assert caught.value.error_class == "access"


def call(*args: str) -> str:
    """Run `jmxbridge` in this process and return its stdout."""
    result = CliRunner().invoke(app, args)
    assert result.exit_code == 0, result.output
    return result.stdout


FILE = """
interval: 10s
targets:
  - {{name: odd, jmx: '{where}', transport: jolokia, collect: [odd, jvm]}}
mbeans:
  odd:
    - bean: odd:type=Declared
      measurement: odd
      fields: {{Half: half, NaN: nan, Infinity: infinity, Nothing: nothing}}
"""


def test_mbeans_commands_work_on_an_agent(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mbeans commands work on an agent, by URL or target name."""
    monkeypatch.chdir(tmp_path)
    Path("mbeans.yaml").write_text(FILE.format(where=where))
    listed = json.loads(call("mbeans", "ls", where, "odd:*", "--json"))
    assert DECLARED.text in listed["mbeans"]
    got = json.loads(call("mbeans", "get", "odd", "odd:type=Declared", "--json"))
    assert got["mbeans"][0]["attributes"] == {
        **{"Half": 0.5, "Infinity": "nan", "NaN": "nan", "Nothing": None}
    }
    assert "Half: half" in call("mbeans", "suggest", "odd", DECLARED.text)
    assert "odd,cluster=local,target=odd half=0.5" in call("mbeans", "explain", "odd", "odd:*")
    report = json.loads(call("check", "--connect", "--json"))
    assert report["findings"] == []
    assert report["series"]["odd"] == 1
    written = call("once", "--dry-run").splitlines()
    assert [line for line in written if line.startswith("odd,cluster=local,target=odd half=0.5 ")]
    [own] = [line for line in written if line.startswith("jmxbridge_target,")]
    assert "up=1" in own
    assert "dropped_nonfinite=2" in own
    assert "round_trips=" in own
