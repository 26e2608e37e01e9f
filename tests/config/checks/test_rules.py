"""Checks of rules: the parts of one rule, and rules among themselves."""

from collections.abc import Callable
from pathlib import Path

import pytest

from jmxbridge.config.checks.rules import LocatedRule, check_names
from jmxbridge.config.model.model_reader import ModelReader
from jmxbridge.config.rule_sets import read_pack
from jmxbridge.config.text.source import Source
from jmxbridge.config.text.tree import Scalar, Span

FindProblems = Callable[..., list[str]]

BEAN = "kafka.server:type=T,name=*,topic=*"


def one_rule(*lines: str, bean: str = BEAN) -> str:
    """Write a file with one rule, which has these lines."""
    first = f"mbeans:\n  s:\n    - bean: '{bean}'\n"
    return first + "".join(f"      {line}\n" for line in lines)


def located(text: str, file: str = "") -> list[LocatedRule]:
    """Read a list of rules as those of a pack, or of a file."""
    rules = read_pack("p", text, {})
    return [LocatedRule(rule.set_name, rule.entry, rule.node, rule.path, file) for rule in rules]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["measurement: m", "fields: {V: v}"], []),
        (["measurement: m_{name}", "tags: {t: topic}", "fields: {V: '{=topic}'}"], []),
        (
            ["measurement: m_{nme}", "fields: {V: v}"],
            [f'measurement: {BEAN} has no key property "nme"'],
        ),
        (
            ["measurement: m", "tags: {t: x}", "fields: {V: v}"],
            [f'tags.t: {BEAN} has no key property "x" (it has type, name, topic)'],
        ),
        (
            ["measurement: m", "fields: {V: 'v_{x}'}"],
            [f'fields.V: {BEAN} has no key property "x" (it has type, name, topic)'],
        ),
    ],
)
def test_key_property_of_a_name_is_in_the_pattern(
    lines: list[str], expected: list[str], problems: FindProblems
) -> None:
    """Tags, measurement and field names use key properties that each MBean has."""
    assert problems(one_rule(*lines)) == [f"mbeans.s[0].{problem}" for problem in expected]


def test_key_property_of_a_tag_may_be_absent_in_an_open_pattern(problems: FindProblems) -> None:
    """With `,*` a tag can be missing from a point; a name cannot have a hole."""
    lines = ["measurement: m", "tags: {t: topic}", "fields: {V: '{topic}'}"]

    assert problems(one_rule(*lines, bean="a:type=T,*")) == [
        'mbeans.s[0].fields.V: a:type=T,* has no key property "topic" (it has type)'
    ]


def test_pattern_without_key_properties_says_none(problems: FindProblems) -> None:
    """A pattern of all MBeans of a domain names no key property."""
    lines = ["measurement: '{x}'", "fields: {V: v}"]

    assert problems(one_rule(*lines, bean="a:*")) == [
        'mbeans.s[0].measurement: a:* has no key property "x" (it has none)'
    ]


def test_key_property_is_missed_in_one_of_several_patterns(problems: FindProblems) -> None:
    """The first pattern without it is named, once."""
    text = one_rule("measurement: m", "tags: {t: x}", "fields: {V: v}").replace(
        f"'{BEAN}'", "['a:x=*', 'a:y=*', 'a:z=*']"
    )

    assert problems(text) == [
        'mbeans.s[0].tags.t: a:y=* has no key property "x" (it has y)',
    ]


def test_parts_that_are_reported_are_not_checked(problems: FindProblems) -> None:
    """A tag and a field that are wrong themselves have that problem alone."""
    lines = ["measurement: m", "tags: {time: x, t: name}", "fields: {V: v, W: [w]}"]

    reported = problems(one_rule(*lines))

    assert [problem.partition(": ")[0] for problem in reported] == [
        "mbeans.s[0].tags.time",
        "mbeans.s[0].fields.W",
    ]


def test_invalid_tag_next_to_a_valid_one_is_reported_once(problems: FindProblems) -> None:
    """The rule is checked without the tag that is reported."""
    lines = ["measurement: m", "tags: {time: x, t: nme}", "fields: {V: v}"]

    assert [problem.partition(": ")[0] for problem in problems(one_rule(*lines))] == [
        "mbeans.s[0].tags.time",
        "mbeans.s[0].tags.t",
    ]


def test_field_name_is_used_once(problems: FindProblems) -> None:
    """Two attributes cannot be one field, in either form of an entry."""
    lines = ["measurement: m", "fields: {V: v, W: {name: v}, X: x}"]

    assert problems(one_rule(*lines)) == ['mbeans.s[0].fields.W: this rule already has a field "v"']


@pytest.mark.parametrize(
    ("interval", "every", "refused"),
    [("10s", "10s", False), ("10s", "9s", True), ("soon", "1ms", False)],
)
def test_every_is_no_shorter_than_the_interval(
    interval: str, every: str, refused: bool, problems: FindProblems
) -> None:
    """There are no polls in between; a wrong interval is the only problem of a file."""
    lines = ["measurement: m", f"every: {every}", "fields: {V: v}"]

    reported = problems(f"interval: {interval}\n" + one_rule(*lines))

    message = "mbeans.s[0].every: cannot be shorter than the interval (10s)"
    assert (message in reported) is refused


def test_captured_keys_are_in_a_tag_or_a_name(problems: FindProblems) -> None:
    """Attributes that differ in a key that is nowhere would be one field."""
    lines = ["measurement: m", "tags: {t: topic}", r"fields: {'{topic}-{p}\.lag': lag}"]

    assert problems(one_rule(*lines, bean="a:type=T")) == [
        r"mbeans.s[0].fields.{topic}-{p}\.lag: {p} is in no tag and no name: attributes that differ"
        " in it would be one field"
    ]


@pytest.mark.parametrize("name", ["lag", "'lag_{p}'"])
def test_captured_key_in_a_measurement_is_enough(name: str, problems: FindProblems) -> None:
    """The measurement keeps attributes apart; the field's name may do so too."""
    lines = ["measurement: 'm_{p}'", f"fields: {{'{{p}}-lag': {name}}}"]

    assert problems(one_rule(*lines, bean="a:type=T")) == []


def test_attributes_of_a_rule_capture_the_same_keys(problems: FindProblems) -> None:
    """An attribute that captures nothing would be in other series."""
    lines = ["measurement: m", "tags: {p: p}", "fields: {'{p}-lag': lag, rate: rate}"]

    assert problems(one_rule(*lines, bean="a:type=T")) == [
        "mbeans.s[0].fields.rate: the other attributes of this rule capture {p}: this needs a rule"
        " of its own"
    ]


def test_limit_cannot_count_captured_series(problems: FindProblems) -> None:
    """`limit` counts MBeans, and captured keys make many series of one."""
    lines = ["measurement: m", "limit: 3", "tags: {p: p}", "fields: {'{p}-lag': lag}"]

    assert problems(one_rule(*lines, bean="a:type=T")) == [
        "mbeans.s[0].limit: cannot limit series that come from attribute names: leave it out"
    ]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["sum_over: topic", "fields: {V: v}"], []),
        (["sum_over: [topic, name]", "fields: {V: {name: v, type: int}}"], []),
        (
            ["sum_over: x", "fields: {V: v}"],
            [f'sum_over: {BEAN} has no key property "x" (it has type, name, topic)'],
        ),
        (
            ["sum_over: [topic, name]", "tags: {n: name}", "fields: {V: v}"],
            [
                'sum_over[1]: "name" is in a tag or a name: values that differ in it are not'
                " added up"
            ],
        ),
        (
            ["sum_over: topic", "fields: {V: '{topic}'}"],
            ['sum_over: "topic" is in a tag or a name: values that differ in it are not added up'],
        ),
        (
            ["sum_over: topic", "fields: {V: {name: v, type: bool}}"],
            ["fields.V: cannot be summed (sum_over): its type is bool"],
        ),
        (
            ["sum_over: topic", "fields: {V: {name: v, states: {a: 1}}}"],
            ["fields.V: cannot be summed (sum_over): its values are states"],
        ),
    ],
)
def test_sum_over(lines: list[str], expected: list[str], problems: FindProblems) -> None:
    """A sum is over key properties that are in no tag and no name, and of numbers."""
    assert problems(one_rule("measurement: m", *lines)) == [
        f"mbeans.s[0].{problem}" for problem in expected
    ]


def test_field_has_one_type_in_a_measurement(problems: FindProblems) -> None:
    """InfluxDB would refuse the points of one of the two rules."""
    text = (
        "mbeans:\n  s:\n"
        "    - {bean: 'a:type=T', measurement: m, fields: {V: v}}\n"
        "    - {bean: 'a:type=U', measurement: m, fields: {V: {name: v, type: int}}}\n"
        "    - {bean: 'a:type=U', measurement: n, fields: {V: {name: v, type: int}}}\n"
    )

    assert problems(text) == [
        'mbeans.s[1].fields.V: field "v" of m is int here and float in the rule at line 3: InfluxDB'
        " keeps one type"
    ]


def test_name_is_not_both_tag_and_field(problems: FindProblems) -> None:
    """The error is at the field, and names the rule with the tag."""
    text = (
        "mbeans:\n  s:\n"
        "    - {bean: 'a:type=T', measurement: m, fields: {V: type}}\n"
        "    - {bean: 'a:type=*', measurement: m, tags: {type: type}, fields: {V: v}}\n"
    )

    assert problems(text) == [
        'mbeans.s[0].fields.V: "type" is a tag of m in the rule at line 4: a field needs another'
        " name"
    ]


TAG = "- {bean: 'a:type=*', measurement: m, tags: {x: type}, fields: {V: v}}\n"
FIELD = "- {bean: 'a:type=T', measurement: m, fields: {V: x}}\n"


def test_tag_of_the_file_gives_way_to_a_pack(problems: FindProblems) -> None:
    """A pack cannot be changed, so the error is at the rule of the file."""
    text = f"targets: [{{name: t, jmx: 'h:1', collect: [p, s]}}]\nmbeans:\n  s:\n  {TAG}"

    assert problems(text, packs={"p": lambda: FIELD}) == [
        'mbeans.s[0]: "x" is a field of m in the rule at line 1 of packs/p.yaml: a tag needs'
        " another name"
    ]


def test_field_of_the_file_gives_way_to_a_pack(problems: FindProblems) -> None:
    """The place of the pack's rule is in the message."""
    text = f"targets: [{{name: t, jmx: 'h:1', collect: [p, s]}}]\nmbeans:\n  s:\n  {FIELD}"

    assert problems(text, packs={"p": lambda: TAG}) == [
        'mbeans.s[0].fields.V: "x" is a tag of m in the rule at line 1 of packs/p.yaml: a field'
        " needs another name"
    ]


def test_packs_are_not_blamed_for_each_other() -> None:
    """A person could change neither of the two rules; a test keeps packs apart."""
    reader = ModelReader(Source("f.yaml", ""), {})

    check_names(reader, [*located(TAG, "packs/a.yaml"), *located(FIELD, "packs/b.yaml")])

    assert reader.problems == []


def test_rule_knows_its_place() -> None:
    """A rule of the file by line and column, a rule of a pack by the pack's name too."""
    (rule,), (packed,) = located(FIELD), located(FIELD, "packs/p.yaml")
    other = Scalar(Span(5, 0, 5, 1), "x", plain=True, quote=0)

    assert rule.seen_from(other) == "line 1"
    assert packed.seen_from(other) == "line 1 of packs/p.yaml"
    assert rule.to_rule(Path("f.yaml")).where == "f.yaml:1:3"
    assert packed.to_rule(Path("f.yaml")).where == "packs/p.yaml:1:3"
    assert (rule.to_rule("f").ships, packed.to_rule("f").ships) == (False, True)
