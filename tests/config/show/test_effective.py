"""Settings written back as a file."""

from pathlib import Path

from jmxbridge.config.loader import load, packs
from jmxbridge.config.model.models import Settings
from jmxbridge.config.settings_builder import build
from jmxbridge.config.show.effective import show
from jmxbridge.mbeans.rule import Rule

ROOT = Path(__file__).parents[3]
RICH = r"""
cluster: "${CLUSTER:-prod eu}"
interval: 1m30s
influxdb: {url: 'http://i:8086', bucket: b, token: 'sword${FISH}'}
kafka:
  {bootstrap: ['k:9092', '[::1]:9093'], groups: {allow: 'a$${b}'}, timeout: 250ms,
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
      tags: {name: name}
      fields:
        A\.b.c: {name: ab, type: int}
        State: {name: state, states: {"on": 1, "${CLUSTER:-off}": 0.5}, else: -1}
        T: {name: seconds, scale: 0.001}
    - bean: kafka.consumer:type=F,client-id=*
      measurement: lag
      sum_over: client-id
      tags: {topic: topic, partition: partition}
      fields: {'{topic}-{partition}\.records-lag': records_lag}
"""


def read_secret(path: Path) -> str:
    """Stand for a file with a secret in it."""
    return "hunter2"


def settings(text: str, **environ: str) -> Settings:
    """Make settings of a text."""
    path = Path("/etc/jmxbridge/mbeans.yaml")
    return build(text, path=path, environ=environ, read_secret=read_secret, packs=packs())


def meaning(made: Settings) -> tuple[object, ...]:
    """Return all that settings mean, without the places they come from."""
    sets = {name: tuple(map(what, rules)) for name, rules in made.mbeans.items()}
    return made.model_dump(exclude={"mbeans", "warnings", "path"}), sets


def what(rule: Rule) -> tuple[object, ...]:
    """Return what a rule does, wherever it stands; a pattern by its text."""
    fields = [
        (
            *(each.attribute, each.path, each.name, each.type, each.scale),
            *(each.otherwise, each.keys, dict(each.states or {})),
        )
        for each in rule.fields
    ]
    names = [bean.text for bean in rule.beans]
    return (
        *(names, rule.measurement, dict(rule.tags), fields),
        *(rule.every_s, rule.optional, rule.limit, rule.sum_over),
    )


def test_read_again_it_means_the_same() -> None:
    """Every key, quotes, dots, braces and words that YAML reads otherwise come through."""
    made = settings(RICH, FISH="fish")
    secrets = {"TOKEN": "swordfish", "CLIENT_SECRET": "catfish"}
    assert meaning(settings(show(made), **secrets)) == meaning(made)


def test_the_shipped_file_means_the_same() -> None:
    """The file that most people begin with."""
    made = load(ROOT / "mbeans.yaml", {})
    assert meaning(settings(show(made))) == meaning(made)


def test_secrets_are_not_shown() -> None:
    """Neither one of the file, nor one of a file that it names."""
    text = show(settings(RICH, FISH="fish"))
    assert "fish" not in text
    assert "hunter2" not in text
    assert "token: '${TOKEN}'" in text
    assert "client_secret: '${CLIENT_SECRET}'" in text
    assert "token_url: 'https://id/t'" in text
    assert "password_file: secret" in text


def test_each_rule_says_where_it_comes_from() -> None:
    """Above it, as a comment: a place in the file, or in a pack."""
    text = show(settings(RICH, FISH="fish"))
    line = RICH.splitlines().index("  mine:") + 2
    for where in (f"/etc/jmxbridge/mbeans.yaml:{line}:7", "packs/jvm.yaml:3:3"):
        assert f"    # {where}\n    - bean:" in text


def test_what_a_file_leaves_out_is_there() -> None:
    """Defaults hold as if they had been written."""
    text = show(settings("kafka: {bootstrap: 'k:1'}\n"))
    assert "interval: 10s\n" in text
    assert "timeout: 5s" in text
    assert "retain: 2d" in text
