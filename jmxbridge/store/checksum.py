"""A row's checksum: what SQLite has for its pages only in memory, ours has on the disk.

Rule: every row of ours has one over all its values but its id. A flipped byte in a row leaves a
file that SQLite finds in order; only this tells that the row says something else now.
"""

import zlib


def checksum(table: str, *values: object) -> int:
    """CRC-32 of a row's values, each told from the next; `table` keeps rows of two apart.

    Values as SQLite gives them back: integers, text, bytes, and whatever damage made of one.
    """
    crc = zlib.crc32(table.encode())
    for value in values:
        data = value if isinstance(value, bytes) else repr(value).encode()
        crc = zlib.crc32(data, zlib.crc32(b"%d:" % len(data), crc))
    return crc
