"""How a file's kafka section becomes what connections use."""

from pathlib import Path

import pytest

from jmxbridge.build import make_security
from jmxbridge.config.model.models import KafkaSettings, SaslSettings
from jmxbridge.config.values.address import Address
from jmxbridge.kafka.login.security import PLAINTEXT

BROKER = (Address("kafka-1", 9092),)


def name_and_account(sasl: dict[str, object]) -> tuple[str, str]:
    """Return Kafka's name for the mechanism of a file, and what we call the account."""
    settings = SaslSettings.model_validate(sasl)
    security = make_security(KafkaSettings(bootstrap=BROKER, sasl=settings), timeout_s=5.0)
    assert security.mechanism is not None
    return security.mechanism.name, security.mechanism.account


def test_a_plain_listener_has_no_security() -> None:
    """A plain listener is met plainly, by nobody."""
    assert make_security(KafkaSettings(bootstrap=BROKER), timeout_s=5.0) == PLAINTEXT


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_user_and_a_password(mechanism: str) -> None:
    """The mechanism is the file's."""
    made = name_and_account({"mechanism": mechanism, "username": "ann", "password": "x"})

    assert made == (mechanism, "user 'ann'")


def test_msk_is_oauthbearer_on_the_wire() -> None:
    """Amazon's listeners take AWS's signed tokens by that mechanism from clients not in Java."""
    made = name_and_account({"mechanism": "AWS_MSK_IAM", "region": "eu-west-1"})

    assert made == ("OAUTHBEARER", "AWS, region eu-west-1")


def test_a_client_of_a_token_server() -> None:
    """It is the client that is let in, or not."""
    made = name_and_account(
        {
            "mechanism": "OAUTHBEARER",
            "token_url": "https://id/t",
            "client_id": "bridge",
            "client_secret": "x",
        }
    )

    assert made == ("OAUTHBEARER", "client 'bridge'")


def test_a_principal_of_kerberos() -> None:
    """By its keytab."""
    made = name_and_account(
        {"mechanism": "GSSAPI", "principal": "me@R", "keytab_file": Path("me.keytab")}
    )

    assert made == ("GSSAPI", "'me@R' in me.keytab")
