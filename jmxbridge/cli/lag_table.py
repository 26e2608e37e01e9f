"""Formats of the lag report: a table, a line of bars for each topic, or JSON."""

import os
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jmxbridge.lag.report.look import LagDetails
    from jmxbridge.lag.report.table import GroupTable, TableRow

RED, PLAIN = "\x1b[31m", "\x1b[0m"
AFTER_LAG = ("SECONDS", "STATUS")


def is_colored() -> bool:
    """Tell whether stdout is a terminal and colors are not disabled by NO_COLOR."""
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


def can_draw() -> bool:
    """Tell whether the encoding of stdout has the characters of the bars."""
    return (sys.stdout.encoding or "ascii").lower().startswith("utf")


def printed(table: "GroupTable", details: "LagDetails", *, red: bool) -> list[str]:
    """Format a group's rows as a table, the largest lag first; with `red`, lag is red.

    Seconds and status follow the lag if any is known; a share group has none. Every client of Kafka
    chooses the name of its group and its own: control characters are removed before they reach a
    terminal.
    """
    from jmxbridge.config.text.problem import printable
    from jmxbridge.lag.report.table import COLUMNS, SHARE_COLUMNS

    if not table.rows:
        return []
    is_share = table.kind == "share"
    head, row_cells = (SHARE_COLUMNS, share_columns) if is_share else (COLUMNS, columns)
    rows = sorted(table.rows, key=lambda row: -int(row.lag) if row.lag is not None else 1)
    after_lag = head.index("LAG") + 1
    cells = [head, *(tuple(printable(cell or "-") for cell in row_cells(row)) for row in rows)]
    if not is_share and (details.time_lags or details.statuses):
        inserted = [AFTER_LAG, *(seconds_and_status(row, details) for row in rows)]
        cells = [
            (*line[:after_lag], *extra, *line[after_lag:])
            for line, extra in zip(cells, inserted, strict=True)
        ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [""]
    for line in cells:
        padded = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        if red and line[after_lag - 1].isdecimal() and line[after_lag - 1] != "0":
            padded[after_lag - 1] = f"{RED}{padded[after_lag - 1]}{PLAIN}"
        lines.append(" ".join(padded).rstrip())
    return lines


def columns(row: "TableRow") -> tuple[str | None, ...]:
    """Return a row's cells in the order of COLUMNS."""
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


def share_columns(row: "TableRow") -> tuple[str | None, ...]:
    """Return a share group's cells in the order of SHARE_COLUMNS."""
    return row.group, row.topic, row.partition, row.start_offset, row.lag


def seconds_and_status(row: "TableRow", details: "LagDetails") -> tuple[str, str]:
    """Return seconds behind and status: `-` unknown, `>` at least, `~` about."""
    time_lag, status = details.time_lags.get(row.place), details.statuses.get(row.place)
    seconds = "-"
    if time_lag is not None:
        sign = ">" if time_lag.at_least else "~" if time_lag.approximate else ""
        seconds = f"{sign}{time_lag.seconds:.0f}"
    return seconds, "-" if status is None else status.name


def bars(table: "GroupTable", details: "LagDetails", *, red: bool) -> list[str]:
    """Return a line for each topic of a group: bars of its lag, and the time to catch up."""
    from jmxbridge.lag.report.losses import span
    from jmxbridge.lag.report.sparkline import ASCII_BARS, BARS, sparkline

    group = table.group
    topics = dict.fromkeys(row.topic for row in table.rows)
    trends = details.trends
    drawn = {topic: trends[group, topic] for topic in topics if (group, topic) in trends}
    width = max(map(len, drawn), default=0)
    lines = []
    for topic, trend in sorted(drawn.items(), key=lambda item: -item[1][-1]):
        line = sparkline(trend, BARS if can_draw() else ASCII_BARS)
        if red and any(trend):
            line = f"{RED}{line}{PLAIN}"
        left_s = details.eta_s.get((group, topic))
        until = "" if left_s is None else f", caught up in {span(left_s)}"
        lines.append(f"{topic.ljust(width)} {line} {trend[-1]:,}{until}")
    return lines


def entries(tables: "Iterable[GroupTable]", details: "LagDetails") -> list[dict[str, Any]]:
    """Return groups as JSON."""
    return [entry(table, details) for table in tables]


def entry(table: "GroupTable", details: "LagDetails") -> dict[str, Any]:
    """Return one group as JSON; offsets are numbers, null if unknown."""
    from jmxbridge.lag.report.diagnosis import diagnose

    return {
        "group": table.group,
        "exists": table.exists,
        "vanished": table.last_seen_ns is not None,
        "last_seen_ns": table.last_seen_ns,
        "kind": table.kind,
        "state": table.state,
        "remark": table.remark,
        "diagnosis": diagnose(table),
        "losses": list(details.losses.get(table.group, ())),
        "transactions": list(details.transactions.get(table.group, ())),
        "clients": list(details.clients.get(table.group, ())),
        "partitions": [partition(row, details) for row in table.rows],
    }


def partition(row: "TableRow", details: "LagDetails") -> dict[str, Any]:
    """Return one row as JSON."""
    time_lag, status = details.time_lags.get(row.place), details.statuses.get(row.place)
    return {
        "topic": row.topic,
        "partition": int(row.partition),
        "current_offset": number(row.current_offset),
        "start_offset": number(row.start_offset),
        "log_end_offset": number(row.log_end_offset),
        "stable_end_offset": number(row.stable_end_offset),
        "lag": number(row.lag),
        "seconds": None if time_lag is None else rounded(time_lag.seconds),
        "seconds_at_least": None if time_lag is None else time_lag.at_least,
        "seconds_approximate": None if time_lag is None else time_lag.approximate,
        "status": None if status is None else status.name,
        "consumer_id": row.consumer_id,
        "host": row.host,
        "client_id": row.client_id,
    }


def number(text: str | None) -> int | None:
    """Convert a column to a number; None stays None."""
    return None if text is None else int(text)


def rounded(seconds: float | None) -> float | None:
    """Round to milliseconds; None stays None."""
    return None if seconds is None else round(seconds, 3)


def status_origin(details: "LagDetails") -> str | None:
    """Return where the statuses come from, or why there are none; None where the looks judged."""
    from jmxbridge.lag.report.losses import span

    if not details.status_age_s:
        return None
    age = span(details.status_age_s)
    if details.statuses_too_old:
        return (
            f"STATUS: none, since `jmxbridge run` has judged nothing for {age};"
            " start it, or use --watch to judge from several looks"
        )
    return f"STATUS: judged by `jmxbridge run` {age} ago" if details.statuses else None


def remarks(table: "GroupTable", details: "LagDetails") -> Sequence[str]:
    """Return the remarks on a group, each beginning with its name."""
    from jmxbridge.config.text.problem import printable
    from jmxbridge.lag.report.diagnosis import diagnose

    states = [text for text in (table.remark, diagnose(table)) if text]
    by_group = (details.losses, details.transactions, details.clients)
    sentences = [text for texts in by_group for text in texts.get(table.group, ())]
    lines = [f"group {table.group} {state}" for state in states]
    lines += [f"group {table.group}: {sentence}" for sentence in sentences]
    return list(map(printable, lines))
