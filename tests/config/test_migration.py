"""Files of other tools, what they become, and what is said of the rest.

`migration/TOOL.*` is the old file, `TOOL.yaml` what it becomes.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.config.address import Address
from jmxbridge.config.document import build
from jmxbridge.config.malformed import Malformed
from jmxbridge.config.migration import TOOLS, Migrated, NothingCarried, migrate
from jmxbridge.config.models import Settings

HERE = Path(__file__).parent / "migration"
OLD = {"telegraf": "telegraf.conf", "jmxtrans": "jmxtrans.json", "jmx-exporter": "jmx-exporter.yml"}
NEW = {tool: f"{tool}.yaml" for tool in OLD}


def migrated(tool: str) -> Migrated:
    """Carry over the file of a tool."""
    return migrate(tool, (HERE / OLD[tool]).read_text(), source=OLD[tool])


def settings(text: str) -> Settings:
    """Check a file; raises ConfigError."""

    def no_files(path: Path) -> str:
        raise AssertionError(path)

    environ = {"INFLUX_TOKEN": "t"}
    return build(text, path=Path("mbeans.yaml"), environ=environ, read_secret=no_files)


def test_every_tool_is_tested() -> None:
    """Each reader has a file here."""
    assert TOOLS.keys() == OLD.keys()


@pytest.mark.parametrize("tool", OLD)
def test_becomes_this_file(tool: str) -> None:
    """The whole of it, with what is not carried over listed at its end."""
    made = migrated(tool)

    assert made.text == (HERE / NEW[tool]).read_text()
    assert all(f"# {OLD[tool]}:{each}\n" in made.text for each in made.left)


@pytest.mark.parametrize("tool", OLD)
def test_passes_check(tool: str) -> None:
    """What is written needs no mending; every target has something to read."""
    made = settings(migrated(tool).text)

    assert made.targets
    assert all(made.rules_for(target) for target in made.targets)


@pytest.mark.parametrize("tool", OLD)
def test_copies_no_secret(tool: str) -> None:
    """A password in the old file is in neither the new one nor in what is said."""
    made = migrated(tool)

    said = made.text + "".join(map(str, made.left))
    assert not [word for word in ("swordfish", "hunter2") if word in said]


@pytest.mark.parametrize("tool", OLD)
def test_every_rule_is_carried_or_listed(tool: str) -> None:
    """Each metric, query and pattern is in the new file or in the list, by its line."""
    word = {"telegraf": "metric]]", "jmxtrans": '"obj"', "jmx-exporter": "- pattern"}[tool]
    lines = (HERE / OLD[tool]).read_text().splitlines()
    there = {number for number, line in enumerate(lines, 1) if word in line}
    made = migrated(tool)

    listed = {each.line for each in made.left}
    assert {n for n in there if f"# line {n}\n" not in made.text} <= listed
    assert there


def test_a_rule_the_checker_refuses_is_listed() -> None:
    """The checker's own words say why; the other rules stay."""
    good = {"obj": "java.lang:type=Runtime", "attr": ["Uptime"], "resultAlias": "runtime"}
    bad = {**good, "resultAlias": "kafka_consumer_lag", "attr": ["StartTime"]}
    made = migrate("jmxtrans", jmxtrans(good, bad), source="x.json")

    assert [each.what for each in made.left] == [
        "not carried over: jmxbridge writes this measurement itself"
    ]
    assert [rule.measurement for rule in settings(made.text).mbeans["jmxtrans-1"]] == ["runtime"]


def test_nothing_of_use_is_no_file() -> None:
    """Where no rule fits there is no file, and the list says why."""
    with pytest.raises(NothingCarried) as caught:
        migrate("jmxtrans", jmxtrans({"obj": "nonsense"}), source="x.json")

    said = [each.what for each in caught.value.left]
    assert said[0] == "nothing is read from it"
    assert "query nonsense" in said[1]


def test_lag_is_added_where_the_brokers_are_known() -> None:
    """None of the old tools computes lag; the new file may."""
    text = (HERE / OLD["jmxtrans"]).read_text()
    made = migrate("jmxtrans", text, source="x", bootstrap=[Address("::1", 9092)])

    kafka = settings(made.text).kafka
    assert kafka is not None
    assert [str(each) for each in kafka.bootstrap] == ["[::1]:9092"]


@pytest.mark.parametrize(
    ("tool", "text", "said"),
    [
        ("telegraf", "[[inputs", "not TOML"),
        ("jmxtrans", "{}", "is this a file of jmxtrans?"),
        ("jmxtrans", '{"servers": [', "line 1"),
        ("jmx-exporter", "{}", "is this a file of jmx_exporter?"),
        ("jmx-exporter", "rules: [", "line 1"),
    ],
)
def test_says_that_it_is_another_file(tool: str, text: str, said: str) -> None:
    """A file of another kind is refused in a sentence."""
    with pytest.raises(Malformed, match=said):
        migrate(tool, text, source="x")


@pytest.mark.parametrize("tool", TOOLS)
@given(data=st.data())
def test_any_text_is_a_file_or_is_refused(tool: str, data: st.DataObject) -> None:
    """Parts of a real file in any order: carried over so that it passes check, or refused."""
    lines = (HERE / OLD[tool]).read_text().splitlines()
    cut = data.draw(st.lists(st.sampled_from(lines), max_size=30))
    text = "\n".join(cut)
    try:
        made = migrate(tool, text, source="x")
    except (Malformed, NothingCarried):
        return
    settings(made.text)


def jmxtrans(*queries: Mapping[str, object]) -> str:
    """Write a file of jmxtrans with one server."""
    return json.dumps({"servers": [{"host": "k1", "port": 9999, "queries": queries}]})
