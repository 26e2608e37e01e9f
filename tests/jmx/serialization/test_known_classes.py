"""Known classes: a cached class is used only where decoding would give the same class."""

from typing import Any

import pytest

from jmxbridge.jmx.errors import RemoteProtocolError
from jmxbridge.jmx.rmi.calls import Call
from jmxbridge.jmx.serialization import known_classes
from jmxbridge.jmx.serialization.class_desc import ClassDescInfo
from jmxbridge.jmx.serialization.known_classes import ClassChain, KnownClasses
from tests.jmx.java_bytes import NULL, array, class_desc, field, ref, string
from tests.jmx.scripted import MakeReply, Outcomes


def test_the_strings_that_a_class_refers_to_are_compared(
    make_reply: MakeReply, as_is: Call[Any], outcomes: Outcomes
) -> None:
    """The same bytes are an error if their reference leads to something else."""
    item = b"\x73" + class_desc("C", field("L", "a", ref(2))) + NULL
    fine = make_reply(array("[LC;", 2, string("LO;") + item))
    bad = make_reply(array("[LC;", 2, b"\x76" + class_desc("Other") + item))
    assert len(outcomes(as_is, [fine, fine], calls=2)) == 2
    with pytest.raises(RemoteProtocolError, match="where a string must be"):
        outcomes(as_is, [fine, bad], calls=2)


def test_a_class_that_refers_to_itself_is_known_by_its_first_handle(
    make_reply: MakeReply, as_is: Call[Any], outcomes: Outcomes
) -> None:
    """Handles count from the start of the reply: elsewhere the bytes mean something else."""
    fields = field("L", "a", string("LO;")), field("L", "b", ref(1))
    item = b"\x73" + class_desc("C", *fields) + NULL + NULL
    fine = make_reply(item)
    bad = make_reply(array("[LC;", 1, item))
    assert len(outcomes(as_is, [fine, fine], calls=2)) == 2
    with pytest.raises(RemoteProtocolError, match="where a string must be"):
        outcomes(as_is, [fine, bad], calls=2)


def test_a_known_class_may_have_another_superclass(
    make_reply: MakeReply, as_is: Call[Any], outcomes: Outcomes
) -> None:
    """The superclass follows the bytes that are known."""

    def reply(superclass: str) -> bytes:
        below = class_desc("C", superclass=ref(2))
        items = b"\x73" + class_desc(superclass) + b"\x73" + below
        return make_reply(array("[LC;", 2, items))

    longer = make_reply(b"\x73" + class_desc("C", superclass=class_desc("D")))
    values = outcomes(as_is, [reply("A") + reply("B") + longer + reply("A")], calls=4)
    superclasses = [value[1].superclasses for value in (values[0], values[1], values[3])]
    assert superclasses == [("A",), ("B",), ("A",)]
    assert values[2].superclasses == ("D",)
    names = [f"A{number % 20}" for number in range(60)]  # more than are cached for a class
    values = outcomes(as_is, list(map(reply, names)), calls=len(names))
    assert [value[1].superclasses for value in values] == [(name,) for name in names]


def test_a_chain_is_found_only_where_it_ends() -> None:
    """The start of a longer chain is not the shorter chain, nor is one that is not complete."""
    classes = KnownClasses({}, ())
    raw = class_desc("C")[:-1]
    classes.learn(ClassChain(raw, 1, (ClassDescInfo("C", 2, ()),), (), None))
    assert classes.find(raw + NULL, 0, []) is not None
    assert classes.find(raw + ref(0), 0, []) is not None
    assert classes.find(raw, 0, []) is None
    assert classes.find(raw[:2], 0, []) is None
    assert classes.find(raw + class_desc("D"), 0, []) is None


def test_the_cache_is_bounded(
    make_reply: MakeReply, as_is: Call[Any], outcomes: Outcomes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Classes beyond the limits are forgotten and decoded again: names, variants, long chains."""
    monkeypatch.setattr(known_classes, "MAX_CLASSES", 3)
    monkeypatch.setattr(known_classes, "MAX_VARIANTS", 2)
    monkeypatch.setattr(known_classes, "MAX_CHAIN_BYTES", 100)
    names = [f"C{number % 7}" for number in range(30)] + ["L" * 200] * 2
    replies = b"".join(
        make_reply(b"\x73" + class_desc(name, flags=2 + index % 2) + b"\x78" * (index % 2))
        for index, name in enumerate(names)
    )
    values = outcomes(as_is, [replies], calls=len(names))
    assert [value.class_name for value in values] == names


def test_the_cache_forgets_the_oldest_variant(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new name empties a full cache; a long chain is never cached."""
    monkeypatch.setattr(known_classes, "MAX_CLASSES", 2)
    monkeypatch.setattr(known_classes, "MAX_VARIANTS", 2)
    monkeypatch.setattr(known_classes, "MAX_CHAIN_BYTES", 40)
    classes = KnownClasses({}, ())

    def learn(name: str, flags: int = 2) -> bytes:
        raw = class_desc(name, flags=flags)[:-1]
        classes.learn(ClassChain(raw, 1, (ClassDescInfo(name, flags, ()),), (), None))
        return raw + NULL

    def is_known(raw: bytes) -> bool:
        return classes.find(raw, 0, []) is not None

    variants = [learn("A", flags) for flags in (2, 3, 16)]
    assert [is_known(raw) for raw in variants] == [False, True, True]
    assert not is_known(learn("L" * 40))
    assert is_known(learn("B"))
    assert is_known(learn("C"))
    assert not any(map(is_known, variants))
