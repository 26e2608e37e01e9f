"""Excerpts of a file: carets that point, secrets that do not show."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.config.text.redaction import is_secret
from jmxbridge.config.text.source import MASK, MAX_WIDTH, Source
from jmxbridge.config.text.tree import Span
from jmxbridge.config.text.yaml_parser import compose


def source(text: str) -> Source:
    """Return a source whose secrets are hidden."""
    made = Source("f.yaml", text)
    root = compose(text).root
    assert root is not None
    made.hide_secrets(root)
    return made


def test_masks_and_moves_the_caret() -> None:
    """A caret behind a masked value still points at what it pointed at."""
    line = '{token: swordfish, bucket: "kafka"}'
    text, (at, width) = source(line).excerpt(0, line.index("bucket"), 6)

    assert text == '{token: ***, bucket: "kafka"}'
    assert text[at : at + width] == "bucket"


def test_masks_every_line_of_a_secret() -> None:
    """A secret over several lines is hidden in each of them."""
    made = source("token: |\n  sword\n  fish\nbucket: kafka\n")

    shown = [made.excerpt(number, 0, 1)[0] for number in range(4)]

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
def test_masks_what_may_be_a_secret(text: str) -> None:
    """Deeper than it belongs, under a key of its section that nobody knows, or in a URL."""
    made = source(text)
    shown = [made.excerpt(number, 0, 1)[0] for number in range(len(made.lines))]
    assert MASK in "".join(shown)
    assert "swordfish" not in "".join(shown)
    assert "sword/fish" not in "".join(shown)


@pytest.mark.parametrize("text", ["influxdb: {bukcet: kafka}", "x: {key: value}", "token_file: /t"])
def test_shows_the_rest(text: str) -> None:
    """What cannot be a secret is shown as it is."""
    assert source(text).excerpt(0, 0, 1)[0] == text


@pytest.mark.parametrize("value", ["${INFLUX_TOKEN}", '"${INFLUX_TOKEN}"'])
def test_shows_the_name_of_a_variable(value: str) -> None:
    """The name of the variable that holds a secret is not one."""
    assert source(f"token: {value}").excerpt(0, 0, 1)[0] == f"token: {value}"


def test_hides_the_default_of_a_variable() -> None:
    """A default in place of a secret is a secret."""
    assert source("token: ${T:-swordfish}").excerpt(0, 0, 1)[0] == f"token: {MASK}"


@pytest.mark.parametrize(
    ("key", "secret"),
    [
        ("token", True),
        ("tokn", True),
        ("Token", True),
        ("pasword", True),
        ("password", True),
        ("client_secret", True),
        ("api_key", True),
        ("sasl.jaas.config", True),
        ("passphrase", True),
        ("pass", True),
        ("passive", False),
        ("token_file", False),
        ("password_file", False),
        ("bucket", False),
        ("org", False),
    ],
)
def test_knows_secrets_by_their_keys(key: str, secret: bool) -> None:
    """Names of secrets are known, misspelt ones too; the path of a file is none."""
    assert is_secret(key) is secret


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
def test_guesses_secrets_where_there_is_no_tree(text: str, line: int) -> None:
    """In a text that is not YAML, lines that look like a secret are masked."""
    shown, _ = Source("f.yaml", text).excerpt(line, 0, 1)

    assert "fish" not in shown


def test_shows_a_window_of_a_long_line() -> None:
    """A very long line is cut around the caret."""
    line = "x" * 500 + "HERE" + "y" * 500

    text, (at, width) = Source("f.yaml", line).excerpt(0, 500, 4)

    assert text[at : at + width] == "HERE"
    assert len(text) <= MAX_WIDTH + 2


@pytest.mark.parametrize("part", ["x", "x:", "x@", "tokx", "password", "- ", "?p", "//x:"])
def test_a_line_as_long_as_a_file_is_looked_at_once(part: str) -> None:
    """No line takes time that grows with the square of its length: this one would take minutes."""
    line = part * (2**18 // len(part))
    for made in (Source("f.yaml", line), source(f"cluster: '{line}'")):
        assert len(made.excerpt(0, len(line), 1)[0]) <= MAX_WIDTH + 2


@given(
    st.text(alphabet="ab \t:{}", max_size=300),
    st.integers(min_value=0, max_value=310),
    st.integers(min_value=0, max_value=310),
)
def test_a_caret_stays_in_its_line(line: str, column: int, width: int) -> None:
    """Whatever the span, the caret is never before the line nor of no width."""
    problem = Source("f.yaml", line).problem(Span(0, column, 0, column + width), "", "no")

    offset, shown = problem.caret
    assert offset >= 0
    assert shown >= 1
    assert len(problem.source_line) <= MAX_WIDTH + 2
