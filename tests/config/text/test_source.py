"""Excerpts of a file: carets that point, secrets that do not show."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.config.text.source import MASK, MAX_WIDTH, Source
from jmxbridge.config.text.tree import Span
from jmxbridge.config.text.yaml_parser import compose


def source(text: str) -> Source:
    """Return a source that hides the secrets of its tree."""
    hiding = Source("f.yaml", text)
    root = compose(text).root
    assert root is not None
    hiding.hide_secrets(root)
    return hiding


@pytest.mark.parametrize(
    ("part", "shown"),
    [("bucket", "bucket"), ("swordfish", MASK), ("fish", "*"), ("token", "token")],
)
def test_excerpt_masks_and_moves_the_caret(part: str, shown: str) -> None:
    """A caret after a masked value points at the same key; one inside points into the mask."""
    line = '{token: swordfish, bucket: "kafka"}'
    text, (offset, width) = source(line).excerpt(0, line.index(part), len(part))

    assert text == '{token: ***, bucket: "kafka"}'
    assert text[offset : offset + width].startswith(shown)


def test_excerpt_masks_every_line_of_a_secret() -> None:
    """A secret over several lines is hidden in each of them."""
    hiding = source("token: |\n  sword\n  fish\nbucket: kafka\n")

    shown = [hiding.excerpt(number, 0, 1)[0] for number in range(4)]

    assert "sword" not in "".join(shown)
    assert "fish" not in "".join(shown)
    assert shown[3] == "bucket: kafka"


@pytest.mark.parametrize(
    "text",
    [
        "password: {value: [swordfish]}",
        "password: [a, swordfish]",
        "influxdb: {key: swordfish}",
        "x: {y: [{Client-Secret: swordfish}]}",
        "url: http://me:swordfish@host",
        "bootstrap: me:swordfish@host:1",
        "url: http://me:sword/fish@host",
        "url: http://me:swordfish h@host",
        "url: http://host/write?u=me&p=swordfish",
        "token: one\ntoken: swordfish",
        "<<: {password: swordfish}",
        "influxdb: {key: one, key: swordfish}",
        "influxdb: {? [a] : swordfish}",
        "? {a: b}\n: {password: swordfish}",
    ],
)
def test_excerpt_masks_whatever_may_be_a_secret(text: str) -> None:
    """Deeper than it belongs, under an unknown key of its section, or in a URL."""
    hiding = source(text)
    shown = [hiding.excerpt(number, 0, 1)[0] for number in range(len(hiding.lines))]
    assert MASK in "".join(shown)
    assert "swordfish" not in "".join(shown)
    assert "sword/fish" not in "".join(shown)


@pytest.mark.parametrize("text", ["influxdb: {bukcet: kafka}", "x: {key: value}", "token_file: /t"])
def test_excerpt_shows_the_rest(text: str) -> None:
    """A value that cannot be a secret is not masked."""
    assert source(text).excerpt(0, 0, 1)[0] == text


@pytest.mark.parametrize("value", ["${INFLUX_TOKEN}", '"${INFLUX_TOKEN}"'])
def test_excerpt_shows_the_name_of_a_variable(value: str) -> None:
    """The name of the variable that holds a secret is no secret."""
    assert source(f"token: {value}").excerpt(0, 0, 1)[0] == f"token: {value}"


def test_excerpt_hides_the_default_of_a_variable() -> None:
    """A default that stands for a secret is a secret."""
    assert source("token: ${T:-swordfish}").excerpt(0, 0, 1)[0] == f"token: {MASK}"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: {token: swordfish", 0),
        ("token:\n  swordfish: x: y", 1),
        ("influxdb:\n  password: [swordfish\n", 1),
        ("- tokn: sword: fish", 0),
        ("token: |\n  swordfish\n\n   swordfish: x", 3),
        ("influxdb:\n  bucket: x\n  key: swordfish: y", 2),
    ],
)
def test_excerpt_of_a_text_that_is_not_yaml_masks_lines(text: str, line: int) -> None:
    """Without a tree, lines that look like a secret are masked."""
    shown, _ = Source("f.yaml", text).excerpt(line, 0, 1)

    assert "fish" not in shown


def test_excerpt_of_a_long_line_is_a_window() -> None:
    """A very long line is cut around the caret."""
    line = "x" * 500 + "HERE" + "y" * 500

    text, (offset, width) = Source("f.yaml", line).excerpt(0, 500, 4)

    assert text[offset : offset + width] == "HERE"
    assert len(text) <= MAX_WIDTH + 2


@pytest.mark.parametrize("part", ["x", "x:", "x@", "tokx", "password", "- ", "?p", "//x:"])
def test_excerpt_of_a_line_as_long_as_a_file_is_fast(part: str) -> None:
    """No line takes time that grows with the square of its length; these would take minutes."""
    line = part * (2**18 // len(part))
    for long in (Source("f.yaml", line), source(f"cluster: '{line}'")):
        assert len(long.excerpt(0, len(line), 1)[0]) <= MAX_WIDTH + 2


@given(
    st.text(alphabet="ab \t:{}", max_size=300),
    st.integers(min_value=0, max_value=310),
    st.integers(min_value=0, max_value=310),
)
def test_caret_stays_in_its_line(line: str, column: int, width: int) -> None:
    """For any span the caret begins in the line, and has a width."""
    problem = Source("f.yaml", line).problem(Span(0, column, 0, column + width), "", "no")

    offset, shown = problem.caret
    assert offset >= 0
    assert shown >= 1
    assert len(problem.source_line) <= MAX_WIDTH + 2


def test_problem_masks_a_login_in_its_message() -> None:
    """A message that quotes a value may quote a password."""
    problem = Source("f.yaml", "a: b").problem(Span(0, 3, 0, 4), "a", '"http://me:x@h" is no file')

    assert problem.message == '"http://***@h" is no file'
    assert (problem.line, problem.column, problem.caret) == (1, 4, (3, 1))


def test_problem_over_several_lines_marks_the_first() -> None:
    """A caret does not continue on the next line."""
    problem = Source("f.yaml", "a: [b,\n  c]").problem(Span(0, 3, 1, 4), "a", "no")

    assert (problem.line, problem.source_line, problem.caret) == (1, "a: [b,", (3, 3))


def test_problem_of_an_included_file_shows_its_line() -> None:
    """The span names the file; the included file has its own lines."""
    main, included = Source("f.yaml", "include: g.yaml"), Source("g.yaml", "a: b")
    main.include(included)
    problem = main.problem(Span(0, 0, 0, 1, "g.yaml"), "a", "no")

    assert (problem.file, problem.source_line) == ("g.yaml", "a: b")
    assert main.of(Span(0, 0, 0, 1)) is main


def test_excerpt_beyond_the_end_is_empty() -> None:
    """A mark at the end of a file may be in a line that is not there."""
    assert Source("f.yaml", "a: b").excerpt(7, 0, 1) == ("", (0, 1))
