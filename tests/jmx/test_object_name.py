"""ObjectNames: grammar, canonical form, equality, matching, quoting."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.jmx.object_name import MalformedObjectName, ObjectName, quote, unquote

# Name as written, its canonical form, whether it is a pattern; all as JDK 17 says.
ACCEPTED = [
    ("d:a=b", "d:a=b", False),
    ("d:b=1,a=2", "d:a=2,b=1", False),
    (":a=b", ":a=b", False),
    ("d:a=", "d:a=", False),
    ("d:a=,b=c", "d:a=,b=c", False),
    ("d: a = b ", "d: a = b ", False),
    ("a=b:c=d", "a=b:c=d", False),
    ('d:a"x=b', 'd:a"x=b', False),
    (r"d:a=b\c", r"d:a=b\c", False),
    ('d:a="x,y=z:"', 'd:a="x,y=z:"', False),
    ('d:a="b"', 'd:a="b"', False),
    (r'd:a="b\*"', r'd:a="b\*"', False),
    (r'd:a="\n\\\"\?"', r'd:a="\n\\\"\?"', False),
    ("d:\U0001f600=1,\ufffd=2", "d:\U0001f600=1,\ufffd=2", False),
    ("", "*:*", True),
    ("*:*", "*:*", True),
    ("d:*", "d:*", True),
    ("d:*,a=b", "d:a=b,*", True),
    ("d:b=1,*,a=2", "d:a=2,b=1,*", True),
    ("d*:a=b", "d*:a=b", True),
    ("d?:a=b", "d?:a=b", True),
    ("d:a=b*", "d:a=b*", True),
    ("d:a=b?", "d:a=b?", True),
    ('d:a="b*"', 'd:a="b*"', True),
    (r"d:a=\*", r"d:a=\*", True),
]
# Text, 0-based offset of the error, words of the message.
MALFORMED = [
    ("d", 1, "':'"),
    ("a=b", 3, "':'"),
    ("d:", 2, "property"),
    ("d\n:a=b", 1, "newline"),
    ("d:a", 3, "'='"),
    ("d:=b", 2, "empty key"),
    ("d:a=b,", 6, "property"),
    ("d:a=b,,c=d", 6, "key"),
    ("d:a=b,a=c", 6, "already"),
    ("d:a=b=c", 5, "quoted"),
    ("d:a=b:c", 5, "quoted"),
    ('d:a=b"c', 5, "quoted"),
    ("d:a=b\nc", 5, "quoted"),
    ("d:a?=b", 3, "key"),
    ("d:a*=b", 3, "key"),
    ("d://x:a=b", 5, "key"),
    ("d:\n=b", 2, "key"),
    ("d:*x", 3, "after '*'"),
    ("d:*,*", 4, "second '*'"),
    ("d:*,", 4, "property"),
    ("d:a=b,*,", 8, "property"),
    ('d:a="b', 6, "not closed"),
    ('d:a="', 5, "not closed"),
    ('d:a="b",', 8, "property"),
    ('d:a="b"xc=d', 7, "','"),
    ('d:a="b"=c', 7, "','"),
    (r'd:a="b\q"', 6, "escape"),
    ('d:a="\\', 5, "escape"),
    ('d:a="b\nc"', 6, "\\n"),
]
# Pattern, name, whether the pattern matches the name; all as JDK 17 says.
MATCHES = [
    ("d:a=b*", "d:a=bcd", True),
    ("d:a=b?", "d:a=bcd", False),
    ("d:a=b??", "d:a=bcd", True),
    ("d:a=*z,*", "d:a=xyz,c=d", True),
    ("d:a=*,b=1", "d:b=1,a=", True),
    ("d:a=1", "d:a=1", True),
    ("d:a=1,b=2", "d:b=2,a=1", True),
    ("d:a=1", "d:a=1,b=2", False),
    ("d:a=*", "d:a=1,b=2", False),
    ("d:a=1,*", "d:a=1", True),
    ("d:a=1,*", "d:b=1", False),
    ("d*:a=1", "d:a=1", True),
    ("*:a=1", ":a=1", True),
    ("d?:a=1", "d:a=1", False),
    ("D:a=*", "d:a=1", False),
    ("d:*", "d:*", False),
    ("d:a=*", "d:a=*", False),
    ('d:a="b*"', 'd:a="bcd"', True),
    ('d:a="*"', "d:a=q", False),
    ("d:a=*", 'd:a="q,r"', True),
    (r'd:a="b\*",*', r'd:a="b\*"', True),
    (r'd:a="b\*"', 'd:a="bx"', False),
    (r'd:a="b\**"', r'd:a="b\*x"', True),
    (r'd:a="b\**"', 'd:a="bxyz"', False),
    ('d:a="?"', r'd:a="\n"', False),
    ('d:a="??"', r'd:a="\*"', True),
    ('d:a="*"', r'd:a="\""', True),
    (r"d:a=\**", r"d:a=\x", True),
    ("d:a=?", "d:a=\U0001f600", False),
    ("d:a=??", "d:a=\U0001f600", True),
    ("d:a=[x]*", "d:a=[x]y", True),
    ("d:a=*a*b", "d:a=abaab", True),
    ("d:a=*ab*ab", "d:a=ab", False),
]

KEYS = st.text(st.characters(exclude_characters="=,:*?\n"), min_size=1, max_size=4)
PLAIN = st.text(st.characters(exclude_characters='=,:"*?\n'), max_size=4)
ANY_VALUE = PLAIN | st.text(max_size=6).map(quote)
DOMAINS = st.text(st.characters(exclude_characters=":*?\n"), max_size=4)
PROPERTIES = st.dictionaries(KEYS, ANY_VALUE, min_size=1, max_size=4)
WILDCARDS = st.text("ab*?", max_size=8)


def joined(domain: str, properties: dict[str, str]) -> str:
    """Return the text of a name."""
    return domain + ":" + ",".join(f"{key}={value}" for key, value in properties.items())


@pytest.mark.parametrize(("text", "canonical", "is_pattern"), ACCEPTED)
def test_a_name_is_parsed_to_its_canonical_form(
    text: str, canonical: str, is_pattern: bool
) -> None:
    """Names that Java accepts are accepted, with the canonical form of Java."""
    name = ObjectName.parse(text)
    assert (name.canonical, name.is_pattern, name.text) == (canonical, is_pattern, text)
    assert ObjectName.parse(canonical) == name


@pytest.mark.parametrize(("text", "position", "words"), MALFORMED)
def test_a_malformed_name_is_rejected(text: str, position: int, words: str) -> None:
    """The error has the offset of the first fault and says what it is."""
    with pytest.raises(MalformedObjectName) as caught:
        ObjectName.parse(text)
    assert caught.value.position == position
    assert words in caught.value.problem
    assert f"character {position + 1}" in str(caught.value)


@pytest.mark.parametrize(("pattern", "name", "expected"), MATCHES)
def test_a_pattern_matches_what_it_matches_in_java(pattern: str, name: str, expected: bool) -> None:
    """The table is what JDK 17 says."""
    assert ObjectName.parse(pattern).matches(ObjectName.parse(name)) is expected


def test_properties_are_as_joined() -> None:
    """They keep order, quotes and escapes; `value` removes quotes and escapes."""
    name = ObjectName.parse(r'kafka.server:type=Sensor,client-id="a,b\*c",topic=')
    assert name.domain == "kafka.server"
    assert list(name.properties.items()) == [
        ("type", "Sensor"),
        ("client-id", r'"a,b\*c"'),
        ("topic", ""),
    ]
    assert name.value("client-id") == "a,b*c"
    assert name.value("topic") == ""
    assert name.value("absent") is None


def test_the_value_of_a_wildcard_is_as_joined() -> None:
    """A quoted wildcard is not a text, so its escapes stay."""
    assert ObjectName.parse(r'd:a="x\*y*"').value("a") == r'"x\*y*"'


def test_equality_is_that_of_the_canonical_form() -> None:
    """The order of properties does not matter; a name never equals a text."""
    one, other = ObjectName.parse("d:a=1,b=2"), ObjectName.parse("d:b=2,a=1")
    assert one == other
    assert len({one, other}) == 1
    assert one != "d:a=1,b=2"
    assert (str(other), repr(other)) == ("d:b=2,a=1", "ObjectName('d:b=2,a=1')")


def test_names_share_equal_parts() -> None:
    """Keys, domains and values of thousands of names are one object each."""
    one, other = (
        ObjectName.parse(f"kafka.log:type=Log,topic=a,partition={number}") for number in "12"
    )
    assert one.domain is other.domain
    assert one.properties["topic"] is other.properties["topic"]
    for key, same in zip(one.properties, other.properties, strict=True):
        assert key is same


def test_long_wildcards_do_not_backtrack() -> None:
    """A hostile value against many stars takes linear time."""
    pattern = ObjectName.parse("d:a=" + "*a" * 50 + "*b")
    assert not pattern.matches(ObjectName.parse("d:a=" + "a" * 50_000))


@given(domain=DOMAINS, properties=PROPERTIES)
def test_any_name_is_parsed_to_its_parts(domain: str, properties: dict[str, str]) -> None:
    """Any domain and properties of the grammar come back as they were joined."""
    name = ObjectName.parse(joined(domain, properties))
    assert name.domain == domain
    assert list(name.properties.items()) == list(properties.items())
    assert not name.is_pattern


@given(domain=DOMAINS, properties=PROPERTIES, data=st.data())
def test_the_order_of_properties_does_not_matter(
    domain: str, properties: dict[str, str], data: st.DataObject
) -> None:
    """Names with the same properties are equal, and match each other."""
    shuffled = dict(data.draw(st.permutations(list(properties.items()))))
    one, other = (ObjectName.parse(joined(domain, items)) for items in (properties, shuffled))
    assert one == other
    assert hash(one) == hash(other)
    assert one.matches(other)


@given(domain=DOMAINS, properties=PROPERTIES, data=st.data())
def test_a_star_matches_every_value(
    domain: str, properties: dict[str, str], data: st.DataObject
) -> None:
    """`*` as a value, as the domain or for the other keys matches the name it was made from."""
    name = ObjectName.parse(joined(domain, properties))
    key = data.draw(st.sampled_from(list(properties)))
    for text in (
        joined(domain, {**properties, key: "*"}),
        joined("*", properties),
        f"{domain}:*,{key}={properties[key]}",
        f"{domain}:*",
    ):
        pattern = ObjectName.parse(text)
        assert pattern.is_pattern
        assert pattern.matches(name)


@pytest.mark.parametrize(
    ("text", "quoted"),
    [("", '""'), ("a,b=c:", '"a,b=c:"'), ('\\"*?\n', r'"\\\"\*\?\n"')],
)
def test_quote_escapes_special_characters(text: str, quoted: str) -> None:
    """Backslash, quote, wildcards and newline are escaped; other characters are not."""
    assert quote(text) == quoted
    assert unquote(quoted) == text
    assert ObjectName.parse(f"d:a={quoted}").value("a") == text


@given(st.text())
def test_any_text_can_be_quoted_and_unquoted(text: str) -> None:
    """A quoted text is a value and never a pattern."""
    assert unquote(quote(text)) == text
    name = ObjectName.parse(f"d:a={quote(text)}")
    assert not name.is_pattern
    assert name.value("a") == text


@given(st.text())
def test_any_text_is_parsed_or_rejected(text: str) -> None:
    """The offset of the error is in the text or at its end."""
    position = 0
    try:
        name = ObjectName.parse(text)
    except MalformedObjectName as exc:
        position = exc.position
    else:
        assert ObjectName.parse(name.canonical).canonical == name.canonical
    assert 0 <= position <= len(text)


@given(pattern=WILDCARDS, text=st.text("ab", max_size=8))
def test_wildcards_match_like_a_simple_matcher(pattern: str, text: str) -> None:
    """`*` matches any characters, `?` one: compared with trying every split."""

    def matches(rest: str, of: str) -> bool:
        if not rest:
            return not of
        if rest[0] == "*":
            return any(matches(rest[1:], of[i:]) for i in range(len(of) + 1))
        return bool(of) and rest[0] in ("?", of[0]) and matches(rest[1:], of[1:])

    name = ObjectName.parse(f"d:a={text}")
    assert ObjectName.parse(f"d:a={pattern}").matches(name) is matches(pattern, text)


@pytest.mark.parametrize("text", ["", '"', "a", 'a"', '"a', '"a"b"', '"*"', '"?"', '"\n"', '"\\x"'])
def test_unquote_rejects_what_quote_does_not_return(text: str) -> None:
    """A text without quotes, or with characters that are not escaped, is a ValueError."""
    with pytest.raises(ValueError, match="quoted value"):
        unquote(text)


def test_unquote_rejects_a_backslash_at_the_end() -> None:
    """The closing quote would be escaped."""
    with pytest.raises(ValueError, match="escape"):
        unquote('"a\\"')
