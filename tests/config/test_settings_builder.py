"""Texts to settings: sections, defaults, types by key, and every problem at once."""

from collections.abc import Callable
from pathlib import Path

import pytest

from jmxbridge.config.model.models import GroupFilter, Settings, TopicFilter
from jmxbridge.config.settings_builder import build
from jmxbridge.config.text.problem import ConfigError
from jmxbridge.kafka.facts.names import DENIED_GROUPS, DENIED_TOPICS

MakeSettings = Callable[..., Settings]
FindProblems = Callable[..., list[str]]

RULES = """
mbeans:
  one:
    - bean: [a:type=B, "a:type=C"]
      measurement: m
      fields: {X: x}
  two:
    - bean: a:type=D
      measurement: n
      fields: {X: x}
"""


def test_defaults(settings: MakeSettings) -> None:
    """A file that only names Kafka has the documented defaults."""
    made = settings("")

    assert (made.cluster, made.interval_s, made.influxdb) == ("local", 10.0, None)
    assert (made.store.path, made.store.retain_s, made.store.max_bytes) == (None, 172_800.0, 2**30)
    assert made.kafka is not None
    assert made.kafka.timeout_s == 5.0
    assert made.kafka.groups.deny == DENIED_GROUPS
    assert made.kafka.topics.deny == DENIED_TOPICS


def test_section_of_comments_is_as_if_it_were_not_there(settings: MakeSettings) -> None:
    """A key whose lines are all commented out has no value."""
    made = settings("influxdb:\n  # url: http://x\ntargets:\nmbeans:\nstore:\n")

    assert made.influxdb is None
    assert made.targets == ()


def test_scalar_has_the_type_of_its_key(settings: MakeSettings) -> None:
    """Quotes do not matter, nor does the type that a text has in other YAML."""
    made = settings(
        """
cluster: 007
interval: '10.seconds'
targets:
  - {name: no, jmx: "h:1", collect: one, tags: {rack: 1.10, on: yes}}
"""
        + RULES
    )

    (target,) = made.targets
    assert (made.cluster, made.interval_s) == ("007", 10.0)
    assert (target.name, target.tags) == ("no", {"rack": "1.10", "on": "yes"})
    assert target.collect == ("one",)


def test_variable_can_be_any_scalar(settings: MakeSettings) -> None:
    """Variables are replaced before the type is looked at, and cannot bring structure."""
    made = settings(
        "interval: ${I}\ncluster: ${C}\nstore: {max_size: '${S:-2GiB}'}\n",
        environ={"I": "30s", "C": "a: [b] #c"},
    )

    assert (made.interval_s, made.cluster, made.store.max_bytes) == (30.0, "a: [b] #c", 2**31)


def test_rules_of_a_target_are_in_the_order_of_collect(settings: MakeSettings) -> None:
    """`collect` names the sets, and their order."""
    made = settings("targets: [{name: t, jmx: 'h:1', collect: [two, one]}]\n" + RULES)

    assert [rule.measurement for rule in made.rules_for(made.targets[0])] == ["n", "m"]


def test_anchor_and_alias_share_a_value(settings: MakeSettings) -> None:
    """YAML's own way to write a value once works."""
    made = settings(
        """
mbeans:
  s:
    - {bean: "a:type=B", measurement: m, fields: &f {X: x}}
    - {bean: "a:type=C", measurement: n, fields: *f}
"""
    )

    first, second = made.mbeans["s"]
    assert first.fields == second.fields


def test_filter_takes_one_expression_or_a_list(settings: MakeSettings) -> None:
    """A key that is not given keeps its default."""
    made = settings(
        "kafka: {bootstrap: 'b:1', groups: {allow: x.*}, topics: {deny: [a, b]}}\n",
        kafka=False,
    )

    assert made.kafka is not None
    assert made.kafka.groups == GroupFilter(allow=("x.*",), deny=DENIED_GROUPS)
    assert made.kafka.topics == TopicFilter(allow=(), deny=("a", "b"))


def test_discovered_targets_are_apart(settings: MakeSettings) -> None:
    """They become targets when the brokers are known."""
    made = settings(
        "targets:\n  - {name: t, jmx: 'h:1', collect: one}\n"
        "  - {discover: kafka, jmx_port: 9999, collect: two}\n" + RULES
    )

    assert [target.name for target in made.targets] == ["t"]
    assert [discovery.collect for discovery in made.discover] == [("two",)]


def test_every_problem_is_reported_at_once(problems: FindProblems) -> None:
    """A mistake in one section hides no mistake in another."""
    text = """
intervall: 10s
cluster: ''
influxdb: {url: http://i}
targets:
  - {name: t, jmx: h}
  - text
store: {max_size: 1}
mbeans: {s: [{bean: x}]}
"""

    assert [problem.partition(": ")[0] for problem in problems(text)] == [
        *("intervall", "cluster", "influxdb", "targets[0]", "targets[0].jmx", "targets[1]"),
        *("store.max_size", "mbeans.s[0]", "mbeans.s[0]", "mbeans.s[0].bean"),
    ]


@pytest.mark.parametrize(
    "text", ["influxdb: text\n", "store: text\n", "targets: {a: b}\n", "mbeans: [a]\n"]
)
def test_section_of_another_type_is_reported_once(text: str, problems: FindProblems) -> None:
    """Checks of such a section are left out."""
    assert len(problems(text)) == 1


@pytest.mark.parametrize("kafka", ["text", "{sasl: text, bootstrap: 'k:1'}", "{tls: {}}"])
def test_kafka_that_is_wrong_is_reported_once(kafka: str, problems: FindProblems) -> None:
    """Nor is there a second problem about its login."""
    assert len(problems(f"kafka: {kafka}\n", kafka=False)) == 1


def test_file_with_nothing_to_poll_is_refused(problems: FindProblems) -> None:
    """Neither Kafka nor a target: the error is at the first key."""
    assert problems("cluster: a\n", kafka=False) == [
        ": nothing to poll: give kafka:, or targets:, or both"
    ]


def test_warnings_are_no_problems(settings: MakeSettings) -> None:
    """A file that works has its warnings in the order of the file."""
    made = settings(RULES)

    assert [warning.where for warning in made.warnings] == ["mbeans.one", "mbeans.two"]


def test_build_reads_included_files_and_packs() -> None:
    """The caller reads files; paths are relative to the folder of the file."""
    asked: list[Path] = []

    def read_included(path: Path) -> list[tuple[Path, str]]:
        asked.append(path)
        return [(path, "targets: [{name: t, jmx: 'h:1', collect: [p]}]\n")]

    made = build(
        "include: more.yaml\n",
        path=Path("/etc/mbeans.yaml"),
        environ={},
        packs={"p": lambda: "[{bean: 'a:type=T', measurement: m, fields: {X: x}}]"},
        read_included=read_included,
    )

    assert asked == [Path("/etc/more.yaml")]
    assert [rule.measurement for rule in made.rules_for(made.targets[0])] == ["m"]


def test_build_raises_what_is_not_yaml() -> None:
    """A file that cannot be read at all has one problem."""
    with pytest.raises(ConfigError, match="never closed"):
        build("a: [b", path=Path("f.yaml"), environ={})
