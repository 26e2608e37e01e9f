"""Bytes that compression does not shrink, for tests that need a file of some size."""

import random


def noise(size: int, seed: int) -> bytes:
    """Return bytes of any value except those with a meaning in a line."""
    source = random.Random(seed)  # noqa: S311 - the same bytes in every run
    return source.randbytes(size).translate(None, b'\n\\"')
