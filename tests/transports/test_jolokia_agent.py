"""JolokiaAgent: answers that no agent gives are errors; one MBean that fails leaves the others.

tests/real/test_jolokia.py has the answers of real agents.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from jmxbridge.jmx import Credentials, JmxError, MBeanInfo, ObjectName, RemoteException
from jmxbridge.transports import jolokia_agent
from jmxbridge.transports.jolokia_agent import JolokiaAgent
from tests.transports.scripted_http import Serve, answers, http, serving

MEMORY = ObjectName.parse("java.lang:type=Memory")
PASSWORD = "swordfish"  # noqa: S105 - of a server that lives as long as this test
GONE = {"status": 404, "error_type": "javax.management.InstanceNotFoundException", "error": "x"}
REFUSED = {"status": 403, "error_type": "java.lang.SecurityException", "error": "not allowed"}
NAN = {"status": 400, "error_type": "java.lang.NumberFormatException", "error": "NaN"}


@asynccontextmanager
async def agent_of(serve: Serve) -> AsyncIterator[JolokiaAgent]:
    """An agent that answers by a script."""
    async with serving(serve) as url:
        agent = JolokiaAgent(url, credentials=lambda: Credentials("monitor", PASSWORD))
        async with agent:
            yield agent


def replies(*objects: object) -> bytes:
    """The answer to one POST: a reply for each request in it."""
    return http(json.dumps(objects).encode())


def value(read: object) -> dict[str, object]:
    """A reply that has a value."""
    return {"status": 200, "value": read}


FAULTS = [
    (http(b"\n<html><form>Log in</form>"), "not_jolokia", "a web page"),
    (http(b"# HELP jvm_up\njvm_up 1\n"), "protocol", "not JSON"),
    (http(b"[" * 200_000), "protocol", "not JSON"),
    (http(b'"\xff"'), "protocol", "not JSON"),
    (http(b'{"status": "UP"}'), "not_jolokia", "no agent would send"),
    (http(b"[1]"), "not_jolokia", "no agent would send"),
    (http(b'[{"status": "green"}]'), "not_jolokia", "no agent would send"),
    (http(b"[]"), "protocol", "answered 0 of 1 requests"),
    (http(b'[{"status": 200, "value": {"a": 1}}]'), "protocol", "a search returned a dict"),
    (http(b'[{"status": 200, "value": ["not a name"]}]'), "protocol", "a malformed name"),
    (http(b'[{"status": 200}]'), "protocol", "a search returned nothing"),
    (http(json.dumps(REFUSED).encode()), "access", "not allowed"),
    (replies(REFUSED), "access", "not allowed"),
]


@pytest.mark.parametrize(
    ("reply", "error_class", "message"), FAULTS, ids=[message for _, _, message in FAULTS]
)
async def test_query_turns_an_answer_of_no_agent_into_an_error(
    reply: bytes, error_class: str, message: str
) -> None:
    """Each has its class and its message; none has the password."""
    async with agent_of(answers(reply)) as agent:
        with pytest.raises(JmxError) as caught:
            await agent.query(None)
    assert caught.value.error_class == error_class
    assert message in str(caught.value)
    assert PASSWORD not in str(caught.value)


async def test_get_many_keeps_the_others_of_an_mbean_that_failed() -> None:
    """The exception of one MBean takes the place of its values."""
    async with agent_of(answers(replies(GONE, value({"a": 1})))) as agent:
        failed, read = await agent.get_many([(MEMORY, ["a"]), (MEMORY, ["a"])])
    assert isinstance(failed, RemoteException)
    assert failed.error_class == "not_found"
    assert read == {"a": 1}


async def test_get_many_of_nothing_sends_nothing() -> None:
    """A POST without requests would only cost a round trip."""
    async with agent_of(answers()) as agent:
        assert await agent.get_many([]) == []
        assert agent.traffic == {"round_trips": 0, "bytes_received": 0}


async def test_get_many_reads_an_mbean_with_nan_attribute_by_attribute() -> None:
    """Agents 2.4.0 to 2.4.3 fail for the whole MBean; the next read is apart at once."""
    second = replies(value({"a": 1}), NAN)
    async with agent_of(answers(replies(NAN), second, second)) as agent:
        [first] = await agent.get_many([(MEMORY, ["a", "b"])])
        [again] = await agent.get_many([(MEMORY, ["a", "b"])])
        assert agent.traffic["round_trips"] == 3
    assert repr(first) == repr(again) == repr({"a": 1, "b": float("nan")})


async def test_get_infos_raises_only_if_all_mbeans_are_forbidden() -> None:
    """One MBean that may not be listed stands for itself."""
    fine = value({"Used": {"type": "long", "rw": False}})
    async with agent_of(answers(replies(REFUSED, fine), replies(REFUSED, REFUSED))) as agent:
        failed, info = await agent.get_infos([MEMORY, MEMORY])
        assert isinstance(failed, RemoteException)
        assert isinstance(info, MBeanInfo)
        assert [attribute.name for attribute in info.attributes] == ["Used"]
        with pytest.raises(RemoteException, match="not allowed"):
            await agent.get_infos([MEMORY, MEMORY])


async def test_get_infos_lists_many_mbeans_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part is a POST, so that no answer exceeds the limit."""
    monkeypatch.setattr(jolokia_agent, "LISTED_AT_ONCE", 2)
    fine = value({"Used": {"type": "long"}})
    async with agent_of(answers(replies(fine, fine), replies(fine))) as agent:
        infos = await agent.get_infos([MEMORY] * 3)
        assert agent.traffic["round_trips"] == 2
    assert len(infos) == 3


async def test_poll_reads_null_as_nan_where_it_can_be_nothing_else() -> None:
    """A double has no null; an attribute declared as an object may be null."""
    infos = replies(value({"a": {"type": "double"}, "b": {"type": "java.lang.Object"}}))
    poll = replies({"status": 304}, value({"a": None, "b": None}))
    async with agent_of(answers(infos, poll)) as agent:
        await agent.get_infos([MEMORY])
        has_changed, [read] = await agent.poll([(MEMORY, ["a", "b"])])
    assert not has_changed
    assert repr(read) == repr({"a": float("nan"), "b": None})


async def test_query_many_sets_the_second_of_later_changes() -> None:
    """The second before the oldest of the replies; `close` forgets it."""
    names = {**value([MEMORY.text]), "timestamp": 12}
    async with agent_of(answers(replies(names, names))) as agent:
        assert await agent.query_many([MEMORY, MEMORY]) == [[MEMORY], [MEMORY]]
        assert agent._since_s == 11
        await agent.close()
        assert agent._since_s == 0
