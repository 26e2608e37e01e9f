"""How long until a topic's retention may delete records that a group has not read.

Theory. With `cleanup.policy=delete` a segment goes when its youngest record is older than
`retention.ms`, so a record may go as soon as it is that old itself, and stays longer while younger
ones share its segment, an open one above all.

Rules: what is told is when the oldest unread record reaches that age, by the age that is known; a
lower bound of an age tells nothing. Where records were deleted unread already it is 0. Topics that
are only compacted lose none, and what deletes by size (`retention.bytes`) does so at a time nobody
knows before: nothing is said of either, and where both age and size delete, this is at the latest.
"""

from collections.abc import Iterable

from jmxbridge.lag.history.end_offset_history import Behind
from jmxbridge.lag.rows import PartitionLag


def risk_s(
    rows: Iterable[PartitionLag], delays: Iterable[Behind | None], kept_s: float | None
) -> float | None:
    """Return seconds for one group and topic, of the partition that is nearest to it.

    `delays` stand beside `rows`; `kept_s` is how long the topic keeps records, None where it does
    not delete by age.
    """
    if kept_s is None:
        return None
    oldest_s: float | None = None
    for row, behind in zip(rows, delays, strict=True):
        if not row.lag:
            continue
        if row.expired:
            return 0.0
        # 0 seconds is also what a lag has that is allowed
        if behind is not None and not behind.at_least and behind.seconds > (oldest_s or 0.0):
            oldest_s = behind.seconds
    return None if oldest_s is None else max(0.0, kept_s - oldest_s)
