"""Settings written as a file, with the same meaning."""

from pathlib import Path

from jmxbridge.config.loader import load, packs
from jmxbridge.config.model.models import Settings
from jmxbridge.config.settings_builder import build
from jmxbridge.config.show.effective import access, show
from jmxbridge.mbeans.rule import Rule

ROOT = Path(__file__).parents[3]
RICH = r"""
cluster: "${CLUSTER:-prod eu}"
interval: 1m30s
influxdb: {url: 'http://i:8086', bucket: b, token: 'sword${FISH}'}
kafka:
  {bootstrap: ['k:9092', '[::1]:9093'], groups: {allow: 'a$${b}'}, timeout: 250ms,
   advertised: {'k-1:9092': '127.0.0.1:19092', '[::2]:9092': '[::1]:19092'},
   tls: {ca_file: ca.pem, cert_file: me.pem, check_hostname: false},
   sasl: {mechanism: OAUTHBEARER, token_url: 'https://id/t', client_id: c, client_secret: catfish},
   granularity: {'a.*': topic}, allowed_lag: {'b.*': 3}, heartbeat: 90s, forget_after: 1d,
   uncommitted: earliest, names: {kafka_consumer_lag: lag, kafka_consumer_lag.lag: records}}
store: {path: /var/lib/x.sqlite3, retain: 36h, max_size: 3MiB}
targets:
  - {name: "yes", jmx: 'a:1', collect: [mine, jvm, kafka-broker], tags: {app: "22:30"}}
  - name: other
    jmx: service:jmx:rmi:///jndi/rmi://b:2/jmxrmi
    collect: mine
    rmi_host: c
    username: me
    password_file: secret
mbeans:
  mine:
    - bean: ['a:type=T,name="x,y*",*', 'b:type=T,*']
      measurement: m_{type}
      every: 5m
      optional: true
      limit: 7
      help: What T is, in $${words}.
      unit: '1'
      tags: {name: name}
      fields:
        A\.b.c: {name: ab, type: int}
        State: {name: state, states: {"on": 1, "${CLUSTER:-off}": 0.5}, else: -1}
        T: {name: seconds, scale: 0.001}
        U: {name: used, unit: B to MB}
    - bean: kafka.consumer:type=F,client-id=*
      measurement: lag
      sum_over: client-id
      tags: {topic: topic, partition: partition}
      fields: {'{topic}-{partition}\.records-lag': records_lag}
"""


def read_secret(path: Path) -> str:
    """Return the secret of any file."""
    return "hunter2"


def loaded(text: str, **environ: str) -> Settings:
    """Make settings of a text."""
    path = Path("/etc/jmxbridge/mbeans.yaml")
    return build(text, path=path, environ=environ, read_secret=read_secret, packs=packs())


def meaning(settings: Settings) -> tuple[object, ...]:
    """Return the meaning of settings, without the places they come from."""
    sets = {name: tuple(map(effect, rules)) for name, rules in settings.mbeans.items()}
    return settings.model_dump(exclude={"mbeans", "warnings", "path"}), sets


def effect(rule: Rule) -> tuple[object, ...]:
    """Return what a rule does, without its place; a pattern by its text."""
    fields = [
        (
            *(field.attribute, field.path, field.name, field.type, field.scale, field.unit),
            *(field.otherwise, field.keys, dict(field.states or {})),
        )
        for field in rule.fields
    ]
    names = [bean.text for bean in rule.beans]
    return (
        *(names, rule.measurement, dict(rule.tags), fields),
        *(rule.every_s, rule.optional, rule.limit, rule.sum_over, rule.help, rule.unit),
    )


def test_shown_settings_read_back() -> None:
    """Every key, quotes, dots, braces and words that YAML reads otherwise keep their meaning."""
    settings = loaded(RICH, FISH="fish")
    secrets = {"TOKEN": "swordfish", "CLIENT_SECRET": "catfish"}

    assert meaning(loaded(show(settings), **secrets)) == meaning(settings)


def test_shipped_file_reads_back() -> None:
    """The file that most people begin with keeps its meaning."""
    settings = load(ROOT / "mbeans.yaml", {})

    assert meaning(loaded(show(settings))) == meaning(settings)


def test_secrets_are_not_shown() -> None:
    """A secret of the file is a variable, one of another file is that file's name."""
    text = show(loaded(RICH, FISH="fish"))

    assert "fish" not in text
    assert "hunter2" not in text
    assert "token: '${TOKEN}'" in text
    assert "client_secret: '${CLIENT_SECRET}'" in text
    assert "token_url: 'https://id/t'" in text
    assert "password_file: secret" in text


def test_rule_has_its_place_above_it() -> None:
    """A comment names the line of the file, or of the pack."""
    text = show(loaded(RICH, FISH="fish"))

    line = RICH.splitlines().index("  mine:") + 2
    for where in (f"/etc/jmxbridge/mbeans.yaml:{line}:7", "packs/jvm.yaml:3:3"):
        assert f"    # {where}\n    - bean:" in text


def test_defaults_are_shown() -> None:
    """A key that the file leaves out is shown with its value."""
    text = show(loaded("kafka: {bootstrap: 'k:1'}\n"))

    assert "interval: 10s\n" in text
    assert "timeout: 5s" in text
    assert "retain: 2d" in text


def test_origins_are_comments_of_values() -> None:
    """With origins each value has one; without them there is none."""
    settings = loaded("kafka: {bootstrap: 'k:1'}\n")

    assert "bootstrap: ['k:1']  # here\n" in show(settings, {("kafka", "bootstrap"): "here"})
    assert "#" not in show(settings)


def test_access_shows_only_what_is_not_default() -> None:
    """TLS, login and a longer timeout, as they are under `kafka`."""
    plain = loaded("kafka: {bootstrap: 'k:1'}\n").kafka
    other = loaded("kafka: {bootstrap: 'k:1', tls: {}, timeout: 30s, groups: {deny: a}}\n").kafka
    mapped = loaded("kafka: {bootstrap: 'k:1', advertised: {'k-1:2': '127.0.0.1:3'}}\n").kafka
    assert plain is not None
    assert other is not None
    assert mapped is not None

    assert access(plain) == ""
    assert access(other) == "  tls: {check_hostname: true}\n  timeout: 30s\n"
    assert access(mapped) == "  advertised: {'k-1:2': '127.0.0.1:3'}\n"
