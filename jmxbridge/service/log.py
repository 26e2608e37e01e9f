"""Where log lines go and what they look like.

Lines go to stderr: stdout is for data. Where stderr is the journal, each line starts with its
syslog priority in angle brackets, sd-daemon(3), and has no time of its own: the journal adds one.
Whoever collects logs by machine asks for JSON: one object a line.
"""

import json
import logging
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum


class LogFormat(StrEnum):
    """How a line looks; AUTO is JOURNAL where stderr is the journal, TEXT elsewhere."""

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
    """Write to what `sys.stderr` is now: the live status of `run` puts itself in its place."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            print(self.format(record), file=sys.stderr, flush=True)
        except OSError:  # nobody reads us any more; the work goes on
            return


class JournalFormatter(logging.Formatter):
    """Format a record for the journal: priority first, every line of it."""

    def format(self, record: logging.LogRecord) -> str:
        prefix = f"<{PRIORITY.get(record.levelno, 6)}>"
        text = super().format(record)
        return "\n".join(prefix + line for line in text.splitlines())


class JsonFormatter(logging.Formatter):
    """Format a record as one JSON object: time (RFC 3339, UTC), level, logger, message."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC)
        return json.dumps(
            {
                "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "level": record.levelname.lower(),
                "logger": record.name,
                "message": super().format(record),
            },
            ensure_ascii=False,
        )


def is_journal(environ: Mapping[str, str], descriptor: int) -> bool:
    """Tell whether a file descriptor is the stream that systemd made for the journal.

    `JOURNAL_STREAM` alone does not say so: whatever a service or a session starts inherits it
    (systemd.exec(5)).
    """
    try:
        found = os.fstat(descriptor)
    except OSError:
        return False
    return environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


def formatter(wanted: LogFormat, *, journal: bool) -> logging.Formatter:
    """Choose how lines look; `journal` says what AUTO stands for."""
    if wanted is LogFormat.JSON:
        return JsonFormatter("%(message)s")
    if wanted is LogFormat.JOURNAL or (wanted is LogFormat.AUTO and journal):
        return JournalFormatter("%(message)s")
    return logging.Formatter("%(asctime)s %(levelname)-7s %(message)s", "%Y-%m-%d %H:%M:%S")


def set_up(
    environ: Mapping[str, str],
    *,
    wanted: LogFormat = LogFormat.AUTO,
    level: int = logging.INFO,
) -> None:
    """Send this package's log lines to stderr, and other libraries' only from warnings on."""
    handler = StderrHandler()
    handler.setFormatter(formatter(wanted, journal=is_journal(environ, STDERR)))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("jmxbridge").setLevel(level)
