"""Where log lines go and what they look like.

Lines go to stderr: stdout is for data. Under systemd (`JOURNAL_STREAM` is set) each line starts
with its syslog priority in angle brackets, sd-daemon(3), and has no time of its own, because the
journal adds one.
"""

import logging
import sys
from collections.abc import Mapping

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


def formatter(environ: Mapping[str, str]) -> logging.Formatter:
    """Choose the line format: with priorities under systemd, with time and level elsewhere."""
    if "JOURNAL_STREAM" in environ:
        return JournalFormatter("%(message)s")
    return logging.Formatter("%(asctime)s %(levelname)-7s %(message)s", "%Y-%m-%d %H:%M:%S")


def set_up(environ: Mapping[str, str], *, level: int = logging.INFO) -> None:
    """Send this package's log lines to stderr, and other libraries' only from warnings on."""
    handler = StderrHandler()
    handler.setFormatter(formatter(environ))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("jmxbridge").setLevel(level)
