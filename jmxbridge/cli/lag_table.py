"""Lag as it is printed: rows under their heads, a line of bars for each topic, or JSON."""

import os
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jmxbridge.lag.report.look import Look
    from jmxbridge.lag.report.table import GroupTable, Row

RED, PLAIN = "\x1b[31m", "\x1b[0m"
BESIDE_LAG = ("SECONDS", "STATUS")


def is_coloured() -> bool:
    """Whether stdout is a terminal whose user wants colours."""
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


def can_draw() -> bool:
    """Whether stdout can hold characters beyond ASCII."""
    return (sys.stdout.encoding or "ascii").lower().startswith("utf")


def printed(table: "GroupTable", look: "Look", *, red: bool) -> list[str]:
    """Align a group's rows under their heads, the largest lag first; it is red where wanted.

    Seconds and status stand beside the lag where something is known of either. Whoever may connect
    to Kafka chooses a group's name and a client's: a terminal gets them without control characters.
    """
    from jmxbridge.config.text.problem import printable
    from jmxbridge.lag.report.table import COLUMNS

    if not table.rows:
        return []
    rows = sorted(table.rows, key=lambda row: -int(row.lag) if row.lag is not None else 1)
    at = COLUMNS.index("LAG") + 1
    cells = [COLUMNS, *(tuple(printable(each or "-") for each in columns(row)) for row in rows)]
    if look.seconds or look.statuses:
        beside = [BESIDE_LAG, *(beside_lag(row, look) for row in rows)]
        cells = [(*a[:at], *b, *a[at:]) for a, b in zip(cells, beside, strict=True)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [""]
    for line in cells:
        padded = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        if red and line[at - 1].isdecimal() and line[at - 1] != "0":
            padded[at - 1] = f"{RED}{padded[at - 1]}{PLAIN}"
        lines.append(" ".join(padded).rstrip())
    return lines


def columns(row: "Row") -> tuple[str | None, ...]:
    """A row's cells in the order of COLUMNS."""
    return (
        row.group,
        row.topic,
        row.partition,
        row.current_offset,
        row.log_end_offset,
        row.lag,
        row.consumer_id,
        row.host,
        row.client_id,
    )


def beside_lag(row: "Row", look: "Look") -> tuple[str, str]:
    """Seconds behind and status: `-` where nobody knows, `>` at least that, `~` about that."""
    behind, status = look.seconds.get(row.place), look.statuses.get(row.place)
    seconds = "-"
    if behind is not None:
        sign = ">" if behind.at_least else "~" if behind.approximate else ""
        seconds = f"{sign}{behind.seconds:.0f}"
    return seconds, "-" if status is None else status.name


def bars(table: "GroupTable", look: "Look", *, red: bool) -> list[str]:
    """A line of bars for each topic of a group: its lag, look by look, and for how long."""
    from jmxbridge.lag.report.losses import span
    from jmxbridge.lag.report.sparkline import ASCII_BARS, BARS, sparkline

    group = table.group
    topics = dict.fromkeys(row.topic for row in table.rows)
    drawn = {topic: look.trends[group, topic] for topic in topics if (group, topic) in look.trends}
    width = max(map(len, drawn), default=0)
    lines = []
    for topic, trend in sorted(drawn.items(), key=lambda each: -each[1][-1]):
        line = sparkline(trend, BARS if can_draw() else ASCII_BARS)
        if red and any(trend):
            line = f"{RED}{line}{PLAIN}"
        left_s = look.arrivals_s.get((group, topic))
        until = "" if left_s is None else f", caught up in {span(left_s)}"
        lines.append(f"{topic.ljust(width)} {line} {trend[-1]:,}{until}")
    return lines


def entries(found: "Iterable[GroupTable]", look: "Look") -> list[dict[str, Any]]:
    """Groups as JSON."""
    return [entry(table, look) for table in found]


def entry(table: "GroupTable", look: "Look") -> dict[str, Any]:
    """One group as JSON; offsets are numbers, null where nobody knows."""
    from jmxbridge.lag.report.diagnosis import diagnose

    return {
        "group": table.group,
        "exists": table.exists,
        "state": table.state,
        "remark": table.remark,
        "diagnosis": diagnose(table),
        "losses": list(look.losses.get(table.group, ())),
        "clients": list(look.clients.get(table.group, ())),
        "partitions": [partition(row, look) for row in table.rows],
    }


def partition(row: "Row", look: "Look") -> dict[str, Any]:
    """One row as JSON."""
    behind, status = look.seconds.get(row.place), look.statuses.get(row.place)
    return {
        "topic": row.topic,
        "partition": int(row.partition),
        "current_offset": number(row.current_offset),
        "log_end_offset": number(row.log_end_offset),
        "lag": number(row.lag),
        "seconds": None if behind is None else round(behind.seconds, 3),
        "seconds_at_least": None if behind is None else behind.at_least,
        "seconds_approximate": None if behind is None else behind.approximate,
        "status": None if status is None else status.name,
        "consumer_id": row.consumer_id,
        "host": row.host,
        "client_id": row.client_id,
    }


def number(text: str | None) -> int | None:
    """Read a column back."""
    return None if text is None else int(text)


def remarks(table: "GroupTable", look: "Look") -> Sequence[str]:
    """What to say of a group beside its rows: sentences that begin with its name."""
    from jmxbridge.config.text.problem import printable
    from jmxbridge.lag.report.diagnosis import diagnose

    said = [table.remark, diagnose(table)]
    found = [f"group {table.group} {each}" for each in said if each]
    more = (*look.losses.get(table.group, ()), *look.clients.get(table.group, ()))
    return list(map(printable, [*found, *(f"group {table.group}: {each}" for each in more)]))
