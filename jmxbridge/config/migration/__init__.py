"""Migration: files of other tools as a mbeans.yaml, with a list of what has no counterpart.

Rule: the new file passes `check`, and nothing is dropped silently. Each table, query or rule of the
old file is in the new one, or in the list with its line and the reason. Passwords and tokens are
never copied; a variable in their place is.
"""

from collections.abc import Callable, Sequence

from jmxbridge.config.migration.draft import Draft, DraftSection, Leftover, WrongFile
from jmxbridge.config.migration.exporter import read_exporter
from jmxbridge.config.migration.jmxtrans import read_jmxtrans
from jmxbridge.config.migration.telegraf import read_telegraf
from jmxbridge.config.migration.writing import Migrated, NothingMigrated, finish
from jmxbridge.config.values.address import Address

__all__ = ["TOOLS", "Leftover", "Migrated", "NothingMigrated", "WrongFile", "migrate"]

TOOLS: dict[str, Callable[[str], Draft]] = {
    "telegraf": read_telegraf,
    "jmxtrans": read_jmxtrans,
    "jmx-exporter": read_exporter,
}
"""Reader of each tool's file: its text in, a draft out; raises WrongFile."""


def migrate(tool: str, text: str, *, source: str, bootstrap: Sequence[Address] = ()) -> Migrated:
    """Return the mbeans.yaml that another tool's file becomes; `source` is its name in messages.

    With `bootstrap` the new file also asks for the lag of that cluster's groups. Raises WrongFile
    for a file that is not of that tool, NothingMigrated where no rule of it has a counterpart.
    """
    draft = TOOLS[tool](text)
    if bootstrap:
        kafka = {"bootstrap": [str(address) for address in bootstrap]}
        draft.sections.append(DraftSection(1, "kafka", kafka))
    return finish(draft, source=source)
