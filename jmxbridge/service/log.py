"""Logging to stderr, as text, for the journal or as JSON.

Lines go to stderr, since stdout is for data. If stderr is the journal, each line starts with its
syslog priority in angle brackets, sd-daemon(3), and has no time: the journal adds one. JSON, one
object a line, is for log collectors.
"""

import json
import logging
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum


class LogFormat(StrEnum):
    """Format of log lines; AUTO is JOURNAL if stderr is the journal, TEXT if not."""

    AUTO = "auto"
    TEXT = "text"
    JSON = "json"
    JOURNAL = "journal"


STDERR = 2
PRIORITY = {
    logging.DEBUG: 7,
    logging.INFO: 6,
    logging.WARNING: 4,
    logging.ERROR: 3,
    logging.CRITICAL: 2,
}


class StderrHandler(logging.Handler):
    """Write to the current `sys.stderr`, which the live status of `run` replaces."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            print(self.format(record), file=sys.stderr, flush=True)
        except OSError:  # the reader of stderr is gone; the work goes on
            return


class JournalFormatter(logging.Formatter):
    """Format a record for the journal: each of its lines starts with the priority."""

    def format(self, record: logging.LogRecord) -> str:
        prefix = f"<{PRIORITY.get(record.levelno, 6)}>"
        text = super().format(record)
        return "\n".join(prefix + line for line in text.splitlines())


class JsonFormatter(logging.Formatter):
    """Format a record as one JSON object: time (RFC 3339, UTC), level, logger, message."""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC)
        return json.dumps(
            {
                "time": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "level": record.levelname.lower(),
                "logger": record.name,
                "message": super().format(record),
            },
            ensure_ascii=False,
        )


def is_journal(environ: Mapping[str, str], descriptor: int) -> bool:
    """Tell whether a file descriptor is the stream that systemd opened for the journal.

    `JOURNAL_STREAM` being set is not enough: every child process of a service or a session inherits
    it (systemd.exec(5)).
    """
    try:
        status = os.fstat(descriptor)
    except OSError:
        return False
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def formatter(log_format: LogFormat, *, journal: bool) -> logging.Formatter:
    """Return the formatter of a format; `journal` decides what AUTO is."""
    if log_format is LogFormat.JSON:
        return JsonFormatter("%(message)s")
    if log_format is LogFormat.JOURNAL or (log_format is LogFormat.AUTO and journal):
        return JournalFormatter("%(message)s")
    return logging.Formatter("%(asctime)s %(levelname)-7s %(message)s", "%Y-%m-%d %H:%M:%S")


def set_up(
    environ: Mapping[str, str],
    *,
    log_format: LogFormat = LogFormat.AUTO,
    level: int = logging.INFO,
) -> None:
    """Send log lines to stderr: all of this package from `level` on, of libraries only warnings."""
    handler = StderrHandler()
    handler.setFormatter(formatter(log_format, journal=is_journal(environ, STDERR)))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("jmxbridge").setLevel(level)
