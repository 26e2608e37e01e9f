"""Captured replies to getAttributes, and templates built of them."""

from functools import cache
from pathlib import Path

from jmxbridge.jmx.rmi.jrmp import read_return
from jmxbridge.jmx.rmi.template import StructTemplate
from jmxbridge.jmx.rmi.template_builder import build_template
from jmxbridge.jmx.serialization.known_classes import KnownClasses
from jmxbridge.jmx.serialization.reader import Limits, ReplyReader
from jmxbridge.jmx.serialization.unwrap import BOXES, UNWRAPS
from jmxbridge.jmx.values import Composite

WIRE = Path(__file__).parents[1] / "wire"
CAPTURED = ("numbers", "texts", "arrays", "collections", "objects", "open", "faulty")


def raw_reply(name: str) -> bytes:
    """Return the bytes of a captured reply."""
    return (WIRE / f"{name}.bin").read_bytes()


def template_of(raw: bytes) -> StructTemplate:
    """Decode a reply, and build a template of it."""
    classes = KnownClasses(UNWRAPS, BOXES)
    reader = ReplyReader(classes, Limits())
    reader.feed(raw)
    reader.begin()
    try:
        next(read_return(reader, is_void=False))
    except StopIteration as done:
        attributes: Composite = done.value
        return build_template(raw, attributes, classes)
    raise AssertionError("the reply is not complete")


@cache
def captured_template(name: str) -> StructTemplate:
    """Return the template of a captured reply."""
    return template_of(raw_reply(name))
