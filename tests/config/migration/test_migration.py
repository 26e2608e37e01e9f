"""Files of other tools, and the mbeans.yaml that each becomes.

`TOOL.*` is the old file, `TOOL.yaml` the new one. With WRITE_MIGRATED=1 in the environment the new
ones are written again; read the diff as a person who moves to jmxbridge.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from jmxbridge.config.migration import TOOLS, Migrated, NothingMigrated, WrongFile, migrate
from jmxbridge.config.model.models import Settings
from jmxbridge.config.values.address import Address

MakeSettings = Callable[..., Settings]

HERE = Path(__file__).parent
OLD = {"telegraf": "telegraf.conf", "jmxtrans": "jmxtrans.json", "jmx-exporter": "jmx-exporter.yml"}
ENVIRON = {"INFLUX_TOKEN": "t"}


def migrated(tool: str) -> Migrated:
    """Migrate the file of a tool."""
    return migrate(tool, (HERE / OLD[tool]).read_text(), source=OLD[tool])


def test_every_tool_has_a_file_here() -> None:
    """A reader without a file would not be tested."""
    assert TOOLS.keys() == OLD.keys()


@pytest.mark.parametrize("tool", OLD)
def test_migrate_gives_this_file(tool: str) -> None:
    """The whole new file, with the parts that have no counterpart listed at its end."""
    new = migrated(tool)
    file = HERE / f"{tool}.yaml"
    if os.environ.get("WRITE_MIGRATED"):
        file.write_text(new.text)

    assert new.text == file.read_text()
    assert all(f"# {OLD[tool]}:{leftover}\n" in new.text for leftover in new.leftovers)


@pytest.mark.parametrize("tool", OLD)
def test_migrated_file_passes_check(tool: str, settings: MakeSettings) -> None:
    """The new file needs no changes, and every target has something to read."""
    loaded = settings(migrated(tool).text, ENVIRON, kafka=False)

    assert loaded.targets
    assert all(loaded.rules_for(target) for target in loaded.targets)


@pytest.mark.parametrize("tool", OLD)
def test_migrate_copies_no_secret(tool: str) -> None:
    """A password of the old file is neither in the new one nor in a message."""
    new = migrated(tool)

    text = new.text + "".join(map(str, new.leftovers))
    assert not [word for word in ("swordfish", "hunter2") if word in text]


@pytest.mark.parametrize("tool", OLD)
def test_every_rule_is_in_the_new_file_or_listed(tool: str) -> None:
    """Each metric, query and pattern is in the new file, or a leftover names its line."""
    word = {"telegraf": "metric]]", "jmxtrans": '"obj"', "jmx-exporter": "- pattern"}[tool]
    lines = (HERE / OLD[tool]).read_text().splitlines()
    rules = {number for number, line in enumerate(lines, 1) if word in line}
    new = migrated(tool)

    listed = {leftover.line for leftover in new.leftovers}
    assert {number for number in rules if f"# line {number}\n" not in new.text} <= listed
    assert rules


def test_bootstrap_adds_the_lag(settings: MakeSettings) -> None:
    """None of the old tools computes lag; with the brokers' addresses the new file asks for it."""
    text = (HERE / OLD["jmxtrans"]).read_text()
    new = migrate("jmxtrans", text, source="x", bootstrap=[Address("::1", 9092)])

    kafka = settings(new.text, ENVIRON, kafka=False).kafka
    assert kafka is not None
    assert [str(address) for address in kafka.bootstrap] == ["[::1]:9092"]


@pytest.mark.parametrize(
    ("tool", "text", "message"),
    [
        ("telegraf", "[[inputs", "not TOML"),
        ("jmxtrans", "{}", "is this a file of jmxtrans?"),
        ("jmxtrans", '{"servers": [', "line 1"),
        ("jmx-exporter", "{}", "is this a file of jmx_exporter?"),
        ("jmx-exporter", "rules: [", "line 1"),
    ],
)
def test_file_of_another_tool_is_refused(tool: str, text: str, message: str) -> None:
    """The error tells which tool the file should be from, or where its grammar is broken."""
    with pytest.raises(WrongFile, match=message):
        migrate(tool, text, source="x")


@pytest.mark.parametrize("tool", TOOLS)
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_text_becomes_a_valid_file_or_is_refused(
    tool: str, data: st.DataObject, settings: MakeSettings
) -> None:
    """Lines of a real file in any order give a file that passes check, or an error."""
    lines = (HERE / OLD[tool]).read_text().splitlines()
    text = "\n".join(data.draw(st.lists(st.sampled_from(lines), max_size=30)))
    try:
        new = migrate(tool, text, source="x")
    except (WrongFile, NothingMigrated):
        return
    settings(new.text, ENVIRON, kafka=False)
