"""Polls of numbered lines, appended to a spool and taken from it."""

from jmxbridge.store.spool import Spool
from jmxbridge.store.values import Batch


def numbered(*numbers: int) -> list[bytes]:
    """Return lines of 10 bytes that differ; one takes 15 bytes when packed, two take 19."""
    return [b"m v=%06d" % number for number in numbers]


def poll(spool: Spool, *numbers: int, time_ns: int = 0) -> None:
    """Append one poll of numbered lines."""
    spool.append(numbered(*numbers), time_ns=time_ns, source="a")


def taken(spool: Spool, *, max_lines: int = 1000, max_bytes: int = 10**6) -> Batch:
    """Take a batch, which must not be empty."""
    batch = spool.take(max_lines=max_lines, max_bytes=max_bytes)
    assert batch is not None
    return batch
