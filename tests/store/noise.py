"""Text that packing does not make smaller: where a test needs a file of some size."""

import random


def noise(size: int, seed: int) -> bytes:
    """Bytes of any value but those that mean something in a line."""
    source = random.Random(seed)  # noqa: S311 - the same bytes in every run
    return source.randbytes(size).translate(None, b'\n\\"')
