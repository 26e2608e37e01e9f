"""New files for clusters that were looked at."""

from dataclasses import replace
from pathlib import Path

from pydantic import SecretStr

from jmxbridge.config.loader import packs
from jmxbridge.config.model.models import ClientTls, KafkaSettings, SaslSettings, Settings
from jmxbridge.config.settings_builder import build
from jmxbridge.config.show.effective import access
from jmxbridge.config.show.new_file import FoundBroker, FoundCluster, propose
from jmxbridge.config.values.address import Address

GOOD = FoundBroker("broker-1", Address("k1", 9999), ["kafka-broker", "jvm"])
AWAY = FoundBroker("broker-2", Address("fe80::1", 9999), problem="cannot connect:\nrefused")


def loaded(text: str, **environ: str) -> Settings:
    """Make settings of a new file; raises ConfigError."""
    return build(text, path=Path("mbeans.yaml"), environ=environ, packs=packs())


def cluster(*brokers: FoundBroker, groups: int = 0) -> FoundCluster:
    """Make a cluster of brokers, with so many groups."""
    names = [f"group-{number:02}" for number in range(groups)]
    return FoundCluster([Address("k1", 9092), Address("::1", 9092)], brokers, names, ["a.b"])


def test_brokers_are_targets_or_comments() -> None:
    """The file passes check without a warning; a broker that is away is below the reason."""
    text = propose(cluster(GOOD, AWAY))
    settings = loaded(text)

    assert settings.warnings == ()
    (target,) = settings.targets
    assert (target.name, target.collect) == ("broker-1", ("kafka-broker", "jvm"))
    assert settings.kafka is not None
    assert [str(address) for address in settings.kafka.bootstrap] == ["k1:9092", "[::1]:9092"]
    assert "  # cannot connect: refused\n  #- {name: broker-2, jmx: '[fe80::1]:9999'," in text


def test_access_of_another_file_is_kept() -> None:
    """TLS and login are those of the other file, with a variable for each secret."""
    kafka = KafkaSettings(
        bootstrap=(Address("k1", 9092),),
        tls=ClientTls(ca_file=Path("/etc/ca.pem")),
        sasl=SaslSettings(mechanism="PLAIN", username="ann", password=SecretStr("swordfish")),
    )
    text = propose(replace(cluster(GOOD), access=access(kafka)))
    settings = loaded(text, PASSWORD="swordfish")  # noqa: S106 - of this test

    assert "swordfish" not in text
    assert settings.kafka is not None
    assert (settings.kafka.tls, settings.kafka.sasl) == (kafka.tls, kafka.sasl)


def test_timeout_of_init_is_kept() -> None:
    """`init --timeout` is carried into the written file."""
    kafka = KafkaSettings(bootstrap=(Address("k1", 9092),), timeout_s=30.0)
    settings = loaded(propose(replace(cluster(GOOD), access=access(kafka))))

    assert settings.kafka is not None
    assert settings.kafka.timeout_s == 30.0


def test_cluster_without_jmx_has_its_lag() -> None:
    """Where no broker could be read over JMX, the file has no targets, and passes."""
    settings = loaded(propose(cluster(AWAY)))

    assert settings.targets == ()
    assert settings.kafka is not None


def test_comment_of_a_broker_becomes_a_target() -> None:
    """Removing the # of a broker that came back is enough."""
    text = propose(cluster(GOOD, AWAY)).replace("  #- {name: broker-2", "  - {name: broker-2")

    assert [target.name for target in loaded(text).targets] == ["broker-1", "broker-2"]


def test_many_groups_are_counted() -> None:
    """A few are named, to tell which cluster it is."""
    text = propose(cluster(GOOD, groups=1000))

    assert "# Groups now: group-00, group-01," in text
    assert "group-07 and 992 more.\n" in text
    assert "# Topics they committed to: a.b.\n" in text


def test_cluster_without_groups_says_none() -> None:
    """A cluster without groups has a comment all the same."""
    assert "# Groups now: none.\n" in propose(cluster(GOOD))


def test_new_file_fits_a_terminal() -> None:
    """No line is longer than 100 columns."""
    assert not [line for line in propose(cluster(GOOD)).splitlines() if len(line) > 100]
