"""What the keys of a file mean."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from jmxbridge.config.model.models import GroupFilter, Settings, TargetSettings, TopicFilter
from jmxbridge.config.text.problem import MAX_SHOWN, ConfigError, Problem
from jmxbridge.config.values.jmx_address import JmxAddress
from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.kafka.facts.names import DENIED_GROUPS, DENIED_TOPICS
from jmxbridge.mbeans.rule import Field, FieldType, Rule

Make = Callable[..., Settings]

RULE = """
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


def test_defaults(settings: Make) -> None:
    """A file that only says where Kafka is has the documented defaults."""
    made = settings("")

    assert (made.cluster, made.interval_s, made.influxdb) == ("local", 10.0, None)
    assert (made.store.path, made.store.retain_s, made.store.max_bytes) == (None, 172_800.0, 2**30)
    assert made.kafka is not None
    assert made.kafka.timeout_s == 5.0
    assert made.kafka.groups.deny == DENIED_GROUPS
    assert made.kafka.topics.deny == DENIED_TOPICS


def test_a_section_of_comments_is_left_out(settings: Make) -> None:
    """A heading whose lines are all commented out counts as not being there."""
    made = settings("influxdb:\n  # url: http://x\ntargets:\nmbeans:\nstore:\n")

    assert made.influxdb is None
    assert made.targets == ()


def test_scalars_mean_what_their_key_wants(settings: Make) -> None:
    """Quotes do not matter, nor does what a text would be in other YAML."""
    made = settings(
        """
cluster: 007
interval: '10.seconds'
targets:
  - {name: no, jmx: "h:1", collect: one, tags: {rack: 1.10, on: yes}}
"""
        + RULE
    )

    (target,) = made.targets
    assert (made.cluster, made.interval_s) == ("007", 10.0)
    assert (target.name, target.tags) == ("no", {"rack": "1.10", "on": "yes"})
    assert target.collect == ("one",)


def test_a_variable_can_be_any_scalar(settings: Make) -> None:
    """Variables are replaced before a value's type is looked at, and cannot bring structure."""
    made = settings(
        "interval: ${I}\ncluster: ${C}\nstore: {max_size: '${S:-2GiB}'}\n",
        environ={"I": "30s", "C": "a: [b] #c"},
    )

    assert (made.interval_s, made.cluster, made.store.max_bytes) == (30.0, "a: [b] #c", 2**31)


def test_rules_of_a_target_come_in_the_order_of_its_sets(settings: Make) -> None:
    """`collect` decides which sets, and in what order."""
    made = settings("targets: [{name: t, jmx: 'h:1', collect: [two, one]}]\n" + RULE)

    assert [rule.measurement for rule in made.rules_for(made.targets[0])] == ["n", "m"]


def test_a_rule_in_full(settings: Make) -> None:
    """Every key of a rule arrives in it."""
    made = settings(
        """
mbeans:
  s:
    - bean: [a:type=B, "a:type=C,*"]
      measurement: m_{type}
      every: 1m
      optional: true
      limit: 100
      help: What B and C are.
      unit: "1"
      fields:
        A.b.c: {name: x, scale: 0.001}
        M: {name: m, unit: ms to s}
        N: {name: n, unit: connections}
        S: {name: "{type}_state", type: int, states: {"on": 1, true: 2}, else: 0}
        V: {name: v, type: string}
        B: {name: b, type: bool}
"""
    )

    (rule,) = made.mbeans["s"]
    assert rule == Rule(
        set_name="s",
        beans=(ObjectName.parse("a:type=B"), ObjectName.parse("a:type=C,*")),
        measurement="m_{type}",
        tags={},
        fields=(
            Field("A", ("b", "c"), "x", FieldType.FLOAT, scale=0.001),
            Field("M", (), "m", FieldType.FLOAT, scale=0.001, unit="s"),
            Field("N", (), "n", FieldType.FLOAT, unit="connections"),
            Field(
                "S",
                (),
                "{type}_state",
                FieldType.INT,
                states={"on": 1.0, "true": 2.0},
                otherwise=0.0,
            ),
            Field("V", (), "v", FieldType.STRING),
            Field("B", (), "b", FieldType.BOOL),
        ),
        every_s=60.0,
        optional=True,
        limit=100,
        help="What B and C are.",
        unit="1",
        where="/etc/jmxbridge/mbeans.yaml:4:7",
    )


def test_anchors_share_what_is_said_twice(settings: Make) -> None:
    """YAML's own way not to repeat oneself works."""
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


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("[a:1, b:2]", [("a", 1), ("b", 2)]),
        ("a:1", [("a", 1)]),
        ("'a:1,b:2 , [::1]:3'", [("a", 1), ("b", 2), ("::1", 3)]),
    ],
)
def test_bootstrap_is_a_list_or_as_kafka_writes_it(
    text: str, hosts: list[tuple[str, int]], settings: Make
) -> None:
    """A YAML list, one address, or several with commas."""
    made = settings(f"kafka: {{bootstrap: {text}}}\n", kafka=False)

    assert made.kafka is not None
    assert [(address.host, address.port) for address in made.kafka.bootstrap] == hosts


@pytest.mark.parametrize(
    ("auth", "expected"),
    [
        ("", (None, None, None)),
        ("token: t", ("t", None, None)),
        ("username: u, password: p", (None, "u", "p")),
        ("username: u, password_file: /run/p", (None, "u", "secret of /run/p")),
        ("token_file: t", ("secret of /etc/jmxbridge/t", None, None)),
    ],
)
def test_ways_to_say_who_we_are(
    auth: str, expected: tuple[str | None, ...], settings: Make
) -> None:
    """Nothing, a token, or name and password; secrets inline or from files."""
    made = settings(
        f"influxdb: {{url: 'http://x:8086/', bucket: k/rp, {auth}}}\n",
        read_secret=lambda path: f"secret of {path}",
    )

    assert made.influxdb is not None
    found = (made.influxdb.token, made.influxdb.username, made.influxdb.password)
    shown = tuple(
        each if isinstance(each, str | None) else each.get_secret_value() for each in found
    )
    assert shown == expected
    assert made.influxdb.url == "http://x:8086"


def test_a_store_path_is_relative_to_the_file(settings: Make) -> None:
    """Where the process was started does not matter."""
    assert settings("store: {path: s.db}\n").store.path == Path("/etc/jmxbridge/s.db")
    assert settings("store: {path: /s.db}\n").store.path == Path("/s.db")


def test_settings_can_be_made_by_code() -> None:
    """Values in place of texts are taken as they are."""
    target = TargetSettings(name="t", jmx=JmxAddress("h", 1), collect=("s",))
    made = Settings(path=Path("x"), interval_s=0.5, targets=(target,), mbeans={"s": ()})

    assert made.rules_for(target) == ()


def test_settings_never_change() -> None:
    """Assignment is refused."""
    made = Settings(path=Path("x"))

    with pytest.raises(ValidationError, match="frozen"):
        made.cluster = "y"


def test_one_expression_needs_no_list(settings: Make) -> None:
    """Filters take one expression or several; what is not given keeps its default."""
    made = settings(
        "kafka: {bootstrap: 'b:1', groups: {allow: x.*}, topics: {deny: [a, b]}}\n",
        kafka=False,
    )

    assert made.kafka is not None
    assert made.kafka.groups == GroupFilter(allow=("x.*",), deny=DENIED_GROUPS)
    assert made.kafka.topics == TopicFilter(allow=(), deny=("a", "b"))


def test_problems_come_in_the_order_of_the_file_and_not_without_end() -> None:
    """A screenful is shown; all of them are there."""
    problems = [Problem("f", line, 1, "", "bad") for line in range(MAX_SHOWN + 7, 0, -1)]

    error = ConfigError(problems)

    assert len(error.problems) == MAX_SHOWN + 7
    assert str(error).startswith("f:1:1: error: bad\n")
    assert str(error).endswith("\n… and 7 more")


def test_a_bare_name_is_a_credential_where_systemd_gives_some(settings: Make) -> None:
    """LoadCredential=token:… and `token_file: token` belong together; a path is a path."""
    asked: list[str] = []

    def read(path: Path) -> str:
        asked.append(str(path))
        return "t0ken"

    environ = {"CREDENTIALS_DIRECTORY": "/run/credentials/jmxbridge.service"}
    for name in ("token", "secrets/token", "/etc/token"):
        text = f"influxdb: {{url: 'http://i:8086', bucket: b, token_file: {name}}}\n"
        settings(text, environ=environ, read_secret=read)
        settings(text, read_secret=read)
    assert asked == [
        "/run/credentials/jmxbridge.service/token",
        "/etc/jmxbridge/token",
        "/etc/jmxbridge/secrets/token",
        "/etc/jmxbridge/secrets/token",
        "/etc/token",
        "/etc/token",
    ]


def test_what_opens_a_target(settings: Make) -> None:
    """Password from a file, TLS with files beside ours, the server's address by the long form."""
    made = settings(
        """
mbeans:
  jvm: [{bean: 'java.lang:type=Runtime', measurement: jvm, fields: {Uptime: uptime_ms}}]
targets:
  - name: a
    jmx: service:jmx:rmi://inside:1/jndi/rmi://outside:2/jmxrmi
    collect: jvm
    username: me
    password_file: secret
    tls: {registry: true, ca_file: ca.pem, check_hostname: false}
""",
        read_secret=lambda path: f"of {path}",
    )
    (target,) = made.targets
    assert (target.jmx.host, target.jmx.port) == ("outside", 2)
    assert (target.server_host, target.server_port) == ("inside", 1)
    assert target.password is not None
    assert target.password.get_secret_value() == "of /etc/jmxbridge/secret"
    assert target.tls is not None
    assert target.tls.registry
    assert target.tls.ca_file == Path("/etc/jmxbridge/ca.pem")
    assert not target.tls.check_hostname
    assert "of /etc" not in repr(target)


def test_what_opens_the_key_of_a_certificate(settings: Make) -> None:
    """A key store beside our file, its password in a file; Kafka's `tls` has the same keys."""
    made = settings(
        """
mbeans:
  jvm: [{bean: 'java.lang:type=Runtime', measurement: jvm, fields: {Uptime: uptime_ms}}]
kafka:
  bootstrap: 127.0.0.1:9093
  tls: {cert_file: me.pem, key_file: me.key, key_password_file: ours/key}
targets:
  - {name: a, jmx: 'a:1', collect: jvm, tls: {cert_file: me.p12, key_password_file: store}}
""",
        read_secret=lambda path: f"of {path}",
        kafka=False,
    )
    assert made.kafka is not None
    sections = {"store": made.targets[0].tls, "ours/key": made.kafka.tls}
    for file, tls in sections.items():
        assert tls is not None
        assert tls.cert_file is not None
        assert tls.cert_file.parent == Path("/etc/jmxbridge")
        assert tls.key_password is not None
        assert tls.key_password.get_secret_value() == f"of /etc/jmxbridge/{file}"
        assert "of /etc" not in repr(tls)
