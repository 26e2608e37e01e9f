"""Checks of targets: names, sets, tags, and the keys of each transport."""

from collections.abc import Callable

import pytest

FindProblems = Callable[..., list[str]]

RULES = """\
mbeans:
  jvm:
    - bean: 'java.lang:type=*'
      measurement: jvm
      tags: {type: type}
      fields: {Uptime: uptime_ms}
  old:
    - {bean: 'a:type=T', measurement: m, tags: {p: p}, fields: {'{p}-lag': lag}}
"""


def targets(*entries: str) -> str:
    """Write a file with these targets and two sets of rules."""
    return RULES + "targets:\n" + "".join(f"  - {{{entry}}}\n" for entry in entries)


def target(options: str = "", jmx: str = "h:1", collect: str = "jvm") -> str:
    """Write a target with these options."""
    return targets(
        f"name: t, jmx: '{jmx}', collect: {collect}" + (f", {options}" if options else "")
    )


def test_names_are_unique(problems: FindProblems) -> None:
    """The second target of a name is refused, with the line of the first."""
    text = targets(*(f"name: t, jmx: 'h:{port}', collect: jvm" for port in (1, 2)))

    assert problems(text) == ['targets[1].name: "t" is already the name of the target in line 10']


@pytest.mark.parametrize(
    ("collect", "expected"),
    [
        ("jvm", []),
        ("[jvm, pack]", []),
        ("[jvm, jvm]", ['[1]: "jvm" is collected twice']),
        ("[jmv]", ['[0]: no set "jmv" under mbeans']),
        ("[xyz]", ['[0]: no set "xyz" under mbeans; known sets: jvm, old; packs: pack']),
        ("{a: b}", [": wants a list, got a mapping"]),
    ],
)
def test_collect_names_sets(collect: str, expected: list[str], problems: FindProblems) -> None:
    """Sets of the file and packs, each once; for a name unlike any, all of them are listed."""
    reported = problems(target(collect=collect), packs={"pack": lambda: "[]"})

    assert reported == [f"targets[0].collect{problem}" for problem in expected]


def test_collect_without_sets_says_none(problems: FindProblems) -> None:
    """A file without rules of its own, where there are no packs, knows no set."""
    text = "targets: [{name: t, jmx: 'h:1', collect: jvm}]\n"

    assert problems(text) == ['targets[0].collect[0]: no set "jvm" under mbeans; known sets: none']


def test_collect_is_not_judged_without_sets(problems: FindProblems) -> None:
    """Where `mbeans` is no mapping, that is the only problem."""
    text = "targets: [{name: t, jmx: 'h:1', collect: jvm}]\nmbeans: [a]\n"

    assert problems(text) == ["mbeans: wants sets of rules (name: list of rules)"]


@pytest.mark.parametrize(
    ("tag", "reason"),
    [
        ("type", "takes this tag from a key property"),
        ("uptime_ms", "has a field of this name"),
        ("dc", None),
    ],
)
def test_tag_hides_nothing_of_a_rule(tag: str, reason: str | None, problems: FindProblems) -> None:
    """A target's tag is on every point: no rule that it collects has a tag or field of its name."""
    text = target(f"tags: {{{tag}: x}}", collect="[old, jvm]")

    assert problems(text) == (
        [] if reason is None else [f"targets[0].tags.{tag}: the rule at line 3 {reason}"]
    )


LONG = "service:jmx:rmi://s:2/jndi/rmi://h:1/jmxrmi"
SHORT = "service:jmx:rmi:///jndi/rmi://h:1/jmxrmi"


@pytest.mark.parametrize(("jmx", "refused"), [(LONG, True), (SHORT, False), ("h:1", False)])
def test_address_of_the_server_is_given_once(
    jmx: str, refused: bool, problems: FindProblems
) -> None:
    """In the long form of `jmx`, or by `rmi_host` and `rmi_port`."""
    message = "the long form under jmx names the server's address already: keep one"
    expected = [f"targets[0].rmi_{key}: {message}" for key in ("host", "port")]

    reported = problems(target("rmi_host: s, rmi_port: 2", jmx=jmx))

    assert reported == (expected if refused else [])


@pytest.mark.parametrize(
    ("jmx", "options", "expected"),
    [
        ("h:1", "tls: {}", []),
        ("https://h:1", "tls: {}, username: u, password: p", []),
        (
            "h:1",
            "rmi_port: 2",
            ["rmi_port: only for transport rmi: a Jolokia agent advertises no other address"],
        ),
        (SHORT, "", ["jmx: is an RMI address; a Jolokia agent's is HOST:PORT, or a URL"]),
        (
            "http://h:1",
            "tls: {}",
            ["tls: the URL says http: write https there, or leave tls out"],
        ),
        (
            "h:1",
            "tls: {registry: true}",
            ["tls.registry: only for transport rmi: a Jolokia agent has no registry"],
        ),
        (
            "h:1",
            "username: 'a:b', password: p",
            ["username: HTTP cannot send a user name that contains a colon"],
        ),
    ],
)
def test_transport_jolokia(
    jmx: str, options: str, expected: list[str], problems: FindProblems
) -> None:
    """An agent is at a port or a URL, and has what HTTP has."""
    text = target(f"transport: jolokia{', ' if options else ''}{options}", jmx=jmx)

    assert problems(text) == [f"targets[0].{problem}" for problem in expected]


def test_url_needs_transport_jolokia(problems: FindProblems) -> None:
    """Nothing but a Jolokia agent is at a URL."""
    assert problems(target(jmx="http://h:1/jolokia")) == [
        "targets[0].jmx: a URL is a Jolokia agent's: add transport: jolokia, or write HOST:PORT"
    ]


def test_transport_jmxquery(problems: FindProblems) -> None:
    """A separate process takes no password and no TLS, and reads no attributes by pattern."""
    options = "transport: jmxquery, username: u, password: p, tls: {}, rmi_port: 2"

    assert problems(target(options, collect="[jvm, old]")) == [
        "targets[0].collect[1]: jmxquery cannot read attributes by pattern, as the rule at line 8"
        " does",
        "targets[0].username: jmxquery shows the password to every user of this machine: remove"
        " this key, or the transport",
        "targets[0].password: jmxquery shows the password to every user of this machine: remove"
        " this key, or the transport",
        "targets[0].tls: jmxquery has no settings for TLS: remove this key, or the transport",
        "targets[0].rmi_port: jmxquery follows the address the JVM advertises: remove this key, or"
        " the transport",
    ]


def test_transport_jmxquery_without_such_keys_is_fine(problems: FindProblems) -> None:
    """A plain target can be read by jmxquery."""
    assert problems(target("transport: jmxquery")) == []


def test_login_of_a_target_is_complete(problems: FindProblems) -> None:
    """A user name and one password, as for InfluxDB."""
    assert problems(target("username: u, password: p, password_file: f"), read_secret=str) == [
        "targets[0].password_file: password and password_file exclude each other: keep one"
    ]
    assert problems(target("username: u")) == [
        "targets[0].username: needs password or password_file too"
    ]


def test_text_that_is_reported_is_not_checked(problems: FindProblems) -> None:
    """A variable that is missing, and a list for a text, are the only problems of their keys."""
    reported = problems(target(collect="['${NOPE}', jvm, [x]]", jmx="${NOPE}"))

    assert [problem.partition(":")[0] for problem in reported] == [
        "targets[0].jmx",
        "targets[0].collect[0]",
        "targets[0].collect[2]",
    ]
