"""Missing rights of a file, as the doctor and `check --connect` print them."""

from pathlib import Path
from typing import cast

import pytest

from jmxbridge.config.model.models import ClientTls, KafkaSettings, SaslSettings
from jmxbridge.config.values.address import Address
from jmxbridge.doctor.rights import missing_rights, our_principal
from jmxbridge.kafka.cluster.acls import MissingRight, Scope
from jmxbridge.kafka.cluster.cluster import Cluster

BROKERS = (Address("kafka-1", 9092), Address("kafka-2", 9092))
PLAIN = SaslSettings.model_validate({"mechanism": "PLAIN", "username": "ann", "password": "x"})
TOKEN = SaslSettings.model_validate({"mechanism": "AWS_MSK_IAM", "region": "eu-west-1"})


class ScriptedCluster:
    """A cluster that refuses one group; notes what was looked for."""

    def __init__(self) -> None:
        self.scopes: list[Scope] = []

    async def missing_rights(self, groups: Scope, topics: Scope) -> tuple[MissingRight, ...]:
        self.scopes = [groups, topics]
        return (MissingRight("group", ("orders",)),)


@pytest.mark.parametrize(
    ("sasl", "user", "login"),
    [(None, "User:ANONYMOUS", ""), (PLAIN, "User:ann", " --command-config admin.properties")],
)
async def test_missing_rights_come_with_a_command(
    sasl: SaslSettings | None, user: str, login: str
) -> None:
    """The command names the first bootstrap address and our principal; the file decides both."""
    cluster = ScriptedCluster()
    kafka = KafkaSettings(bootstrap=BROKERS, sasl=sasl)

    [(right, command)] = await missing_rights(cast(Cluster, cluster), kafka)

    assert right == "no right to describe group 'orders': without it there is no lag"
    assert command == (
        f"kafka-acls.sh --bootstrap-server kafka-1:9092{login} --add"
        f" --allow-principal {user} --operation Describe --group orders"
    )
    assert [scope.wants("orders") for scope in cluster.scopes] == [True, True]


@pytest.mark.parametrize(
    ("settings", "principal"),
    [
        ({}, "User:ANONYMOUS"),
        ({"tls": ClientTls()}, "User:ANONYMOUS"),
        ({"tls": ClientTls(cert_file=Path("/keys/me.pem"))}, "User:<subject of me.pem>"),
        ({"sasl": PLAIN, "tls": ClientTls(cert_file=Path("/keys/me.pem"))}, "User:ann"),
        ({"sasl": TOKEN}, "User:<our name>"),
    ],
)
def test_our_principal_is_what_the_file_tells(settings: dict[str, object], principal: str) -> None:
    """SASL names us before a certificate does; what the file does not tell is in <>."""
    kafka = KafkaSettings.model_validate({"bootstrap": BROKERS, **settings})
    assert our_principal(kafka) == principal
