"""ExactTemplate: descriptions of MBeans of one class are decoded once."""

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
from tests.jmx.scripted import Captured, take_outcomes

NAME = ObjectName.parse("odd:type=Numbers")
UID = slice(8, 22)


def with_uid(raw: bytes, uid: bytes) -> bytes:
    """Return the reply with another UID."""
    return raw[: UID.start] + uid + raw[UID.stop :]


def test_a_repeated_reply_is_not_decoded(
    greeted: Callable[..., Protocol], connection_ref: RemoteRef, captured: Captured
) -> None:
    """A reply must be equal to the last byte, except for its UID; any other is decoded."""
    numbers, memory = captured("info_numbers"), captured("info_memory")
    start = numbers.rindex(b"MaxLong")
    renamed = numbers[:start] + b"MinLong" + numbers[start + 7 :]
    replies = [numbers, with_uid(numbers, b"u" * 14), memory, renamed, numbers, memory]
    template: ExactTemplate[MBeanInfo] = ExactTemplate()

    def read(protocol: Protocol, template: ExactTemplate[MBeanInfo] | None) -> list[Any]:
        for _ in replies:
            protocol.call(get_mbean_info(connection_ref, NAME, template))
        protocol.data_to_send()
        protocol.receive_data(b"".join(replies))
        return take_outcomes(protocol)

    with_template, without = greeted(), greeted()
    infos = read(with_template, template)
    assert infos == read(without, None)
    assert infos[0] == infos[1] == infos[4] != infos[3]
    assert (with_template.traffic.template_hits, with_template.traffic.template_misses) == (3, 3)


def test_the_known_replies_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest reply is dropped, and a reply that is too long is not kept."""
    monkeypatch.setattr(exact_template_module, "MAX_REPLIES", 3)
    monkeypatch.setattr(exact_template_module, "MAX_REPLY_BYTES", 30)
    template: ExactTemplate[int] = ExactTemplate()
    replies = [b"h" * 8 + bytes(14) + bytes((number,)) * 4 for number in range(5)]
    for number, raw in enumerate(replies):
        template.learn(raw, number)
    template.learn(bytes(31), 9)
    assert [template.read(raw, 0) for raw in replies] == [None, None, 2, 3, 4]
    assert template.size == 26
    assert template.read(bytes(31), 0) is None
    assert template.read(b"##" + replies[4], 2) == 4
    assert template.read(replies[4][:-1], 0) is None
