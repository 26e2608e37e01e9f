"""Rights in Kafka that a file needs and we lack, with the commands that grant them."""

from jmxbridge.config.model.models import KafkaSettings
from jmxbridge.kafka.cluster.acls import Scope, principal
from jmxbridge.kafka.cluster.cluster import Cluster


async def missing_rights(cluster: Cluster, kafka: KafkaSettings) -> tuple[tuple[str, str], ...]:
    """Return each missing right, described, with the command that grants it.

    Raises KafkaUnavailable.
    """
    rights = await cluster.missing_rights(
        Scope.by(kafka.groups.allow, kafka.groups.deny),
        Scope.by(kafka.topics.allow, kafka.topics.deny),
    )
    bootstrap = str(kafka.bootstrap[0])
    secured = kafka.tls is not None or kafka.sasl is not None
    us = our_principal(kafka)
    return tuple(
        (str(right), right.command(principal=us, bootstrap=bootstrap, secured=secured))
        for right in rights
    )


def our_principal(kafka: KafkaSettings) -> str:
    """Return Kafka's name for us, as far as the settings tell."""
    certificate = None if kafka.tls is None else kafka.tls.cert_file
    return principal(
        sasl=kafka.sasl is not None,
        username=None if kafka.sasl is None else kafka.sasl.username,
        certificate=None if certificate is None else certificate.name,
    )
