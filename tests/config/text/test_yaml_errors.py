"""Explanations of YAML's syntax errors.

`tests/config/broken/yaml_*` has a whole file for each; here are the errors that no file can show,
and those of which the text matters.
"""

import pytest
import yaml

from jmxbridge.config.text.yaml_errors import explain
from jmxbridge.config.text.yaml_parser import NotYaml, compose


def fault(text: str) -> str:
    """Return the message for a text that is not YAML."""
    with pytest.raises(NotYaml) as caught:
        compose(text)
    return caught.value.fault.message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: {b: ${C}}", "quote a text with ${…} inside { } or [ ]"),
        ("a:\n\tb: c", "a tab; indent with spaces"),
        ("a: [b", "this [ is never closed"),
        ("a: [b}", "a comma or ] should be here, for the [ at line 1, column 4"),
        ("a: [b: {c", "this { is never closed"),
        ("a: [", "the file ends inside [ ] or { }"),
        ('a: "b', "the quote that begins here is never closed"),
        (r'a: "\d"', "no such escape"),
        ("a: b: c", "a second colon in this line"),
        ("a: b\n c: d", "this line is indented as if it continued the value above it"),
        ("a: @b", "a value cannot begin with @"),
        ("a: *", "put a value that begins with * in quotes"),
        ("a: & b", "put a value that begins with & in quotes"),
        ("a: b\nc\nd: e", "a colon is missing in this line"),
        ("a: |b", "put a value that begins with | in quotes"),
        ("a: 'b' c", "quote the whole value; inside '…' a ' is written ''"),
        ('a: "b" c', "quote the whole value"),
        ("a: b\n: c", "a key is missing before the colon"),
        ("- a\nb: c", "a - is missing: the list at line 1 begins in this column"),
        ("- a\n-\n  - b\n - c", "the list at line 1 begins in column 1"),
        ("a:\n  b: c\n d: e", "the key at line 1 begins in column 1"),
        ("  a: b\nc: d", "this line does not continue the value above it"),
    ],
)
def test_explain(text: str, message: str) -> None:
    """Each mistake is named, with its fix."""
    assert message in fault(text)


def test_explain_keeps_the_message_of_an_unknown_error() -> None:
    """PyYAML's words are better than none; the end of the file is named as such."""
    mark = yaml.Mark("f", 0, 0, 0, "a: b", 0)
    error = yaml.MarkedYAMLError("while testing", None, r"found '\x00'", mark)

    assert explain(error) == (mark, "not YAML: while testing, found the end of the file")


def test_explain_an_error_without_a_place() -> None:
    """There is then no character to look at."""
    error = yaml.MarkedYAMLError(problem="something")

    assert explain(error) == (None, "not YAML: something")


def test_explain_a_bracket_error_without_its_bracket() -> None:
    """Where the mark is not at a bracket, PyYAML's message is kept."""
    mark = yaml.Mark("f", 0, 0, 0, "x: y", 0)
    error = yaml.MarkedYAMLError("while parsing a flow node", mark, "did not find it", mark)

    assert explain(error)[1] == "not YAML: while parsing a flow node, did not find it"
