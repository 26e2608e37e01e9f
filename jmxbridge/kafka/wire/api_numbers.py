"""Kafka's APIs: their numbers, and the versions of each that this client speaks.

The number is what the protocol guide calls the API key.
"""

from dataclasses import dataclass

from jmxbridge.kafka.wire.errors import VersionMismatch


@dataclass(frozen=True, slots=True)
class Api:
    """One of Kafka's APIs: kio's name for it, its number, and the versions we can use."""

    name: str
    number: int
    lowest: int
    highest: int

    def negotiate(self, offered: tuple[int, int] | None) -> int:
        """Return the highest version that both sides have; raises VersionMismatch."""
        if offered is None:
            raise VersionMismatch(f"it does not offer {self.title}")
        version = min(self.highest, offered[1])
        if version < max(self.lowest, offered[0]):
            raise VersionMismatch(
                f"it offers {self.title} versions {offered[0]} to {offered[1]}, "
                f"and jmxbridge has {self.lowest} to {self.highest}"
            )
        return version

    @property
    def title(self) -> str:
        """The API's name as Kafka writes it."""
        return "".join(word.capitalize() for word in self.name.split("_"))


API_VERSIONS = Api("api_versions", 18, 0, 3)
# Version 0 announces SASL messages without Kafka's framing: for brokers before 1.0.
SASL_HANDSHAKE = Api("sasl_handshake", 17, 1, 1)
SASL_AUTHENTICATE = Api("sasl_authenticate", 36, 0, 2)
# Brokers register with a controller, which alone offers this (KIP-631); never sent by this client.
BROKER_REGISTRATION = Api("broker_registration", 62, 0, 0)
DESCRIBE_CLUSTER = Api("describe_cluster", 60, 0, 1)
# Below version 4 a Metadata request cannot say that it must not create topics.
METADATA = Api("metadata", 3, 4, 12)
LIST_GROUPS = Api("list_groups", 16, 0, 5)
FIND_COORDINATOR = Api("find_coordinator", 10, 0, 4)
# From version 2 on, all commits of a group can be asked for without naming partitions.
OFFSET_FETCH = Api("offset_fetch", 9, 2, 8)
# Version 0 answers with segment boundaries, not with offsets.
LIST_OFFSETS = Api("list_offsets", 2, 1, 7)
DESCRIBE_GROUPS = Api("describe_groups", 15, 0, 6)
CONSUMER_GROUP_DESCRIBE = Api("consumer_group_describe", 69, 0, 1)
STREAMS_GROUP_DESCRIBE = Api("streams_group_describe", 89, 0, 0)
DESCRIBE_SHARE_GROUP_OFFSETS = Api("describe_share_group_offsets", 90, 0, 1)
DESCRIBE_CONFIGS = Api("describe_configs", 32, 1, 4)
