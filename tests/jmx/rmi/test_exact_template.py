"""What MBeans of one class say about themselves is decoded once."""

from collections.abc import Callable
from typing import Any

import pytest

from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.rmi import exact_template as exact_template_module
from jmxbridge.jmx.rmi.calls import get_mbean_info
from jmxbridge.jmx.rmi.exact_template import ExactTemplate
from jmxbridge.jmx.rmi.protocol import Protocol
from jmxbridge.jmx.rmi.stub import RemoteRef
from jmxbridge.jmx.values import MBeanInfo

Captured = Callable[[str], bytes]
NAME = ObjectName.parse("odd:type=Numbers")
UID = slice(8, 22)


def with_uid(raw: bytes, uid: bytes) -> bytes:
    """Return the reply as another call gets it."""
    return raw[: UID.start] + uid + raw[UID.stop :]


def test_a_reply_that_comes_again_is_not_decoded(
    greeted: Callable[..., Protocol], connection_ref: RemoteRef, captured: Captured
) -> None:
    """But for its UID it must be the same to the last byte; anything else is decoded."""
    numbers, memory = captured("info_numbers"), captured("info_memory")
    at = numbers.rindex(b"MaxLong")
    renamed = numbers[:at] + b"MinLong" + numbers[at + 7 :]
    replies = [numbers, with_uid(numbers, b"u" * 14), memory, renamed, numbers, memory]
    known: ExactTemplate[MBeanInfo] = ExactTemplate()
    by_repeats, decoded = greeted(), greeted()
    for protocol, habit in ((by_repeats, known), (decoded, None)):
        for _ in replies:
            protocol.call(get_mbean_info(connection_ref, NAME, habit))
        protocol.data_to_send()
        protocol.receive_data(b"".join(replies))
    found = list(taken(by_repeats))
    assert found == list(taken(decoded))
    assert found[0] == found[1] == found[4] != found[3]
    assert (by_repeats.traffic.template_hits, by_repeats.traffic.template_misses) == (3, 3)


def taken(protocol: Protocol) -> list[Any]:
    """Return the outcomes of replies that are there."""
    found: list[Any] = []
    while True:
        if outcomes := protocol.next_by_template():
            found += outcomes
        elif reply := protocol.next_reply():
            found.append(reply.outcome)
        else:
            return found


def test_what_is_known_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest goes, and what is too long never comes in."""
    monkeypatch.setattr(exact_template_module, "MAX_REPLIES", 3)
    monkeypatch.setattr(exact_template_module, "MAX_REPLY_BYTES", 30)
    known: ExactTemplate[int] = ExactTemplate()
    replies = [b"h" * 8 + bytes(14) + bytes((number,)) * 4 for number in range(5)]
    for number, raw in enumerate(replies):
        known.learn(raw, number)
    known.learn(bytes(31), 9)
    assert [known.read(raw, 0) for raw in replies] == [None, None, 2, 3, 4]
    assert known.size == 26
    assert known.read(bytes(31), 0) is None
    assert known.read(b"##" + replies[4], 2) == 4
    assert known.read(replies[4][:-1], 0) is None
