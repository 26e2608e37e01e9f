"""The first file for a cluster."""

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


def settings(text: str, **environ: str) -> Settings:
    """Check a proposal; raises ConfigError."""

    def no_files(path: Path) -> str:
        raise AssertionError(path)

    path = Path("mbeans.yaml")
    return build(text, path=path, environ=environ, read_secret=no_files, packs=packs())


def cluster(*brokers: FoundBroker, groups: int = 0) -> FoundCluster:
    """Make a cluster of brokers."""
    names = [f"group-{n:02}" for n in range(groups)]
    return FoundCluster([Address("k1", 9092), Address("::1", 9092)], brokers, names, ["a.b"])


def test_what_was_found_is_polled() -> None:
    """It passes check without a warning; a broker that is away is a comment with the reason."""
    text = propose(cluster(GOOD, AWAY))
    made = settings(text)
    assert made.warnings == ()
    (target,) = made.targets
    assert (target.name, target.collect) == ("broker-1", ("kafka-broker", "jvm"))
    assert made.kafka is not None
    assert [str(each) for each in made.kafka.bootstrap] == ["k1:9092", "[::1]:9092"]
    assert "  # cannot connect: refused\n  #- {name: broker-2, jmx: '[fe80::1]:9999'," in text


def test_how_the_brokers_are_met_is_taken_over() -> None:
    """From another file, without its secrets: a variable stands for one that was in it."""
    kafka = KafkaSettings(
        bootstrap=(Address("k1", 9092),),
        tls=ClientTls(ca_file=Path("/etc/ca.pem")),
        sasl=SaslSettings(mechanism="PLAIN", username="ann", password=SecretStr("swordfish")),
    )
    text = propose(replace(cluster(GOOD), access=access(kafka)))
    assert "swordfish" not in text
    made = settings(text, PASSWORD="swordfish")  # noqa: S106 - of nobody
    assert made.kafka is not None
    assert (made.kafka.tls, made.kafka.sasl) == (kafka.tls, kafka.sasl)


def test_a_cluster_that_takes_its_time_is_given_it() -> None:
    """Who looked with more patience than the default needs it at every poll."""
    kafka = KafkaSettings(bootstrap=(Address("k1", 9092),))
    assert access(kafka) == ""
    slow = kafka.model_copy(update={"timeout_s": 30.0})
    made = settings(propose(replace(cluster(GOOD), access=access(slow))))
    assert made.kafka is not None
    assert made.kafka.timeout_s == slow.timeout_s


def test_without_any_jmx_there_is_the_lag() -> None:
    """Nothing but Kafka answers: the file is about the lag, and still passes."""
    made = settings(propose(cluster(AWAY)))
    assert made.targets == ()
    assert made.kafka is not None


def test_a_line_of_comment_works_without_its_sign() -> None:
    """Taking the # away from a broker that came back makes it a target."""
    text = propose(cluster(GOOD, AWAY)).replace("  #- {name: broker-2", "  - {name: broker-2")
    assert [target.name for target in settings(text).targets] == ["broker-1", "broker-2"]


def test_many_groups_are_counted_not_listed() -> None:
    """A few are named, so that one knows which cluster it is."""
    text = propose(cluster(GOOD, groups=1000))
    assert "# Groups now: group-00, group-01," in text
    assert "group-07 and 992 more.\n" in text
    assert "# Topics they committed to: a.b.\n" in text


def test_fits_a_terminal() -> None:
    """The file reads well on a screen of 100 columns."""
    assert not [line for line in propose(cluster(GOOD)).splitlines() if len(line) > 100]
