"""How long until a topic's retention may delete records that a group has not read.

Theory. With `cleanup.policy=delete` a segment goes when its youngest record is older than
`retention.ms`, so a record may go as soon as it is that old itself, and stays longer while younger
ones share its segment, an open one above all.

Rules: what is told is when the oldest unread record reaches that age, by the age that is known; a
lower bound of an age tells nothing. Where records were deleted unread already it is 0. Topics that
are only compacted lose none, and what deletes by size (`retention.bytes`) does so at a time nobody
knows before: nothing is said of either, and where both age and size delete, this is at the latest.
"""

from collections.abc import Mapping, Sequence

from jmxbridge.lag.rows import PartitionLag
from jmxbridge.lag.seconds import Behind


def risks(
    rows: Sequence[PartitionLag],
    delays: Sequence[Behind | None],
    retention_s: Mapping[str, float],
) -> dict[tuple[str, str], float]:
    """Return seconds by group and topic, of the partition that is nearest to it.

    `delays` stand beside `rows`, `retention_s` has the topics that delete by age.
    """
    nearest: dict[tuple[str, str], float] = {}
    for row, behind in zip(rows, delays, strict=True):
        kept_s = retention_s.get(row.topic)
        if kept_s is None or not row.lag:
            continue
        if row.expired:
            left_s = 0.0
        elif behind is None or behind.at_least or not behind.seconds:
            continue  # 0 is also what a lag has that is allowed
        else:
            left_s = max(0.0, kept_s - behind.seconds)
        at = (row.group, row.topic)
        nearest[at] = min(left_s, nearest.get(at, left_s))
    return nearest
