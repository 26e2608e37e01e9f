"""Bodies of writes: their bytes on the wire and the size of their text."""

import gzip

from jmxbridge.influx.body import Body, PackedBody
from jmxbridge.store import Packed


def test_body_joins_lines() -> None:
    """Lines are separated by newlines; the size is that of the text, not of its gzip."""
    body = Body.of([b"m v=1 1", b"m v=2 2"])
    assert gzip.decompress(body.packed) == b"m v=1 1\nm v=2 2"
    assert body.size == len(b"m v=1 1\nm v=2 2")


def test_body_packs_once() -> None:
    """A retry sends the same object."""
    body = Body(b"m v=1 1")
    assert body.packed is body.packed


def test_packed_body_is_the_text_of_its_parts() -> None:
    """Parts are packed already: their text is sent in order, and their sizes add up."""
    parts = [Packed.of(b"m v=1 1\n"), Packed.of(b"m v=2 2")]
    body = PackedBody(parts)
    assert gzip.decompress(body.packed) == b"m v=1 1\nm v=2 2"
    assert body.size == sum(part.size for part in parts) == len(b"m v=1 1\nm v=2 2")
