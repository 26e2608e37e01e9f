"""StructTemplate: it reads a reply as the decoder does, or not at all."""

import math
import struct
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jmxbridge.jmx.errors import RemoteProtocolError
from jmxbridge.jmx.rmi.calls import Call
from jmxbridge.jmx.rmi.template import Slot
from tests.jmx.rmi.templates import CAPTURED, captured_template, raw_reply, template_of
from tests.jmx.scripted import Outcomes

Decode = Callable[[bytes], Any]
Plain = Callable[[Any], Any]

EXAMPLES = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def decode(as_is: Call[Any], outcomes: Outcomes, plain: Plain) -> Decode:
    """Return a function that decodes a reply to a comparable value; None if it is rejected."""

    def read(raw: bytes) -> Any:
        try:
            (outcome,) = outcomes(as_is, [raw])
        except (RemoteProtocolError, ValueError):
            return None
        return plain(outcome)

    return read


@pytest.mark.parametrize("name", CAPTURED)
def test_a_template_reads_the_reply_it_was_built_of(
    name: str, decode: Decode, plain: Plain
) -> None:
    """More bytes may follow the reply; a reply that lacks a byte is not read."""
    raw, template = raw_reply(name), captured_template(name)
    assert plain(template.read(raw, 0)) == decode(raw)
    assert plain(template.read(b"##" + raw + b"##", 2)) == decode(raw)
    assert template.size == len(raw)
    assert template.read(raw[:-1], 0) is None


def test_a_changed_constant_is_not_read() -> None:
    """The name of an attribute is a constant."""
    raw = raw_reply("faulty")
    assert captured_template("faulty").read(raw.replace(b"Fine", b"Five"), 0) is None


def test_a_changed_value_is_read() -> None:
    """The bytes of a number are a slot."""
    raw = raw_reply("faulty")
    start = raw.rindex(struct.pack(">i", 1))
    changed = raw[:start] + struct.pack(">i", 77) + raw[start + 4 :]
    assert captured_template("faulty").read(changed, 0) == {"Fine": 77}


def test_a_string_that_is_not_utf8_is_left_to_the_decoder() -> None:
    """The decoder raises the error."""
    raw = raw_reply("texts")
    assert captured_template("texts").read(raw.replace(b"plain", b"pl\xffin"), 0) is None
    changed = captured_template("texts").read(raw.replace(b"plain", b"other"), 0)
    assert changed is not None
    assert changed["Ascii"] == "other"


def test_templates_of_replies_with_other_values_have_the_same_key() -> None:
    """Such replies share a template; replies of another shape do not."""
    raw = raw_reply("faulty")
    start = raw.rindex(struct.pack(">i", 1))
    changed = raw[:start] + struct.pack(">i", 77) + raw[start + 4 :]
    assert template_of(changed).key == captured_template("faulty").key
    assert captured_template("open").key != captured_template("faulty").key


def test_a_slot_returns_its_content() -> None:
    """The content is not changed."""
    assert Slot(1)(["a", "b"]) == "b"


@given(data=st.data(), name=st.sampled_from(CAPTURED))
@EXAMPLES
def test_a_changed_reply_is_read_like_the_decoder_reads_it(
    data: st.DataObject, name: str, decode: Decode, plain: Plain
) -> None:
    """Bytes are changed anywhere; the template returns what the decoder does, or None."""
    raw = bytearray(raw_reply(name))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(raw) - 1))
        new = data.draw(st.binary(min_size=1, max_size=8))
        raw[start : start + len(new)] = new[: len(raw) - start]
    attributes = captured_template(name).read(bytes(raw), 0)
    if attributes is not None:
        assert plain(attributes) == decode(bytes(raw))


@given(name=st.sampled_from(CAPTURED), random=st.randoms(use_true_random=False))
@EXAMPLES
def test_any_values_in_the_slots_are_read_like_the_decoder_reads_them(
    name: str, random: Random, decode: Decode, plain: Plain
) -> None:
    """Numbers and ASCII strings of the same length are changed in all slots."""
    raw, template = raw_reply(name), captured_template(name)
    layout = struct.Struct(str(template.key[0]))
    unpacked = list(layout.unpack(raw))
    for index in range(1, len(unpacked), 2):
        content = unpacked[index]
        if isinstance(content, bytes):
            unpacked[index] = bytes(random.randrange(1, 128) for _ in content)
        elif isinstance(content, bool):
            unpacked[index] = random.random() < 0.5
        elif isinstance(content, float):
            unpacked[index] = random.choice([0.0, -1.5, math.nan, math.inf, 2.0**100])
        else:
            unpacked[index] = random.randrange(-128, 128)
    changed = layout.pack(*unpacked)
    attributes = template.read(changed, 0)
    assert attributes is not None
    assert plain(attributes) == decode(changed)
