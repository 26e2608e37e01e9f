"""Files of other tools as a mbeans.yaml: what can be carried over is, what cannot is listed.

Rule: what comes out passes `check`, and nothing is dropped in silence: each table, query or rule of
the old file is in the new one, or in the list with its line and the reason. Passwords and tokens
are never carried over; a variable in their place is.
"""

from collections.abc import Callable, Sequence

from jmxbridge.config.migration.draft import Draft, DraftSection, Left
from jmxbridge.config.migration.exporter import read_exporter
from jmxbridge.config.migration.jmxtrans import read_jmxtrans
from jmxbridge.config.migration.telegraf import read_telegraf
from jmxbridge.config.migration.writing import Migrated, NothingCarried, finish
from jmxbridge.config.values.address import Address

__all__ = ["TOOLS", "Left", "Migrated", "NothingCarried", "migrate"]

TOOLS: dict[str, Callable[[str], Draft]] = {
    "telegraf": read_telegraf,
    "jmxtrans": read_jmxtrans,
    "jmx-exporter": read_exporter,
}
"""What reads the text of each tool's file; raises InvalidValue where it is none."""


def migrate(tool: str, text: str, *, source: str, bootstrap: Sequence[Address] = ()) -> Migrated:
    """Make a mbeans.yaml of another tool's file, which is called `source` in what is said of it.

    With `bootstrap` the new file also asks for the lag of that cluster's groups. Raises
    InvalidValue for a file that is not of that tool, NothingCarried where no rule of it fits.
    """
    draft = TOOLS[tool](text)
    if bootstrap:
        kafka = {"bootstrap": [str(address) for address in bootstrap]}
        draft.sections.append(DraftSection(1, "kafka", kafka))
    return finish(draft, source=source)
