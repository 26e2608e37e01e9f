"""Settings of a file, frozen.

A field's name ends in its unit (`interval_s`); the key of the file is the alias (`interval`). The
docstrings are descriptions in the JSON Schema. Checks that need two sections are in
`config.checks`; the places of keys are known to `config.model.model_reader`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from jmxbridge.config.text.problem import Problem
from jmxbridge.config.values.address import Address, parse_address, parse_port
from jmxbridge.config.values.broker_templates import (
    BrokerTemplate,
    parse_broker_name,
    parse_broker_port,
)
from jmxbridge.config.values.grammar import choice
from jmxbridge.config.values.jmx_address import JmxAddress
from jmxbridge.config.values.sasl_keys import MECHANISMS
from jmxbridge.config.values.scalars import (
    AdvertisedAddresses,
    AwsRegion,
    Boolean,
    BootstrapList,
    CertificatePath,
    Count,
    Duration,
    FilePath,
    HeaderSecret,
    HeaderText,
    Host,
    Interval,
    JmxAddressText,
    LagNames,
    PemPath,
    Port,
    Regex,
    Secret,
    StoreSize,
    TagName,
    Text,
    Url,
    one_or_many,
    read,
)
from jmxbridge.kafka.facts.address_map import AddressMap
from jmxbridge.kafka.facts.names import DENIED_GROUPS, DENIED_TOPICS
from jmxbridge.lag.output.row_thinning import MAX_ROWS, Granularity
from jmxbridge.lag.uncommitted import Uncommitted
from jmxbridge.mbeans.rule import Rule


class Section(BaseModel):
    """A mapping of the file: unknown keys are refused, values are frozen, secrets are not shown."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        validate_by_name=True,
        validate_by_alias=True,
        hide_input_in_errors=True,
        arbitrary_types_allowed=True,
    )


class InfluxSettings(Section):
    """InfluxDB that points are sent to: 2 and 3 with a token, 1.8 with user name and password."""

    url: Url
    bucket: Text
    org: Text | None = None
    token: HeaderSecret | None = None
    token_file: FilePath | None = None
    username: HeaderText | None = None
    password: HeaderSecret | None = None
    password_file: FilePath | None = None


class Filter(Section):
    """Names that an `allow` matches as a whole (all, if there is none), and that no `deny` does."""

    allow: Annotated[tuple[Regex, ...], one_or_many] = ()
    deny: Annotated[tuple[Regex, ...], one_or_many] = ()


class GroupFilter(Filter):
    """Consumer groups; by default all but those of kafka-console-consumer.sh."""

    deny: Annotated[tuple[Regex, ...], one_or_many] = DENIED_GROUPS


class TopicFilter(Filter):
    """Topics; by default all but Kafka's own."""

    deny: Annotated[tuple[Regex, ...], one_or_many] = DENIED_TOPICS


GranularityName = Annotated[Granularity, read(choice(*Granularity), "text")]
UncommittedName = Annotated[Uncommitted, read(choice(*Uncommitted), "text")]


class ClientTls(Section):
    """TLS as a client: authorities to trust, and an own certificate.

    Files are PEM. A `cert_file` may also be a PKCS#12 store, which holds its key.
    """

    ca_file: PemPath | None = None
    cert_file: CertificatePath | None = None
    key_file: PemPath | None = None
    key_password: Secret | None = None
    key_password_file: FilePath | None = None
    check_hostname: Boolean = True


MechanismName = Annotated[str, read(choice(*MECHANISMS), "text")]


class SaslSettings(Section):
    """SASL login to Kafka. The other keys depend on the mechanism."""

    mechanism: MechanismName
    username: Text | None = None
    password: Secret | None = None
    password_file: FilePath | None = None
    token_url: Url | None = None
    client_id: Text | None = None
    client_secret: Secret | None = None
    client_secret_file: FilePath | None = None
    scope: Text | None = None
    token_ca_file: PemPath | None = None
    region: AwsRegion | None = None
    service: Text | None = None
    principal: Text | None = None
    keytab_file: FilePath | None = None


class KafkaSettings(Section):
    """Cluster to compute the lag of consumer groups for.

    `advertised` has the address to connect to for each address that a broker advertises and that
    leads nowhere from here: tunnels, port-forwards. `timeout` is for one broker in one poll. Above
    `max_rows` partition rows, the largest groups have rows by topic only. `internal_topics` adds
    the topics that Streams applications create for themselves.

    A group that is deleted is kept for `forget_after`. `offsets_retention` is how long brokers keep
    the offsets of an empty group (their offsets.retention.minutes); without it they are asked.
    `read_committed_groups` are patterns of groups that skip open transactions. By pattern of
    groups, `allowed_lag` has a number of records that is no lag, and `granularity` the finest rows.
    A partition row that does not change is written every `heartbeat`. `uncommitted` is where a
    group begins to read a partition that it has never committed. `names` renames measurements, and
    their tags and fields as MEASUREMENT.NAME.
    """

    bootstrap: BootstrapList
    advertised: AdvertisedAddresses = {}
    tls: ClientTls | None = None
    sasl: SaslSettings | None = None
    groups: GroupFilter = GroupFilter()
    topics: TopicFilter = TopicFilter()
    timeout_s: Duration = Field(default=5.0, validation_alias="timeout")
    forget_after_s: Duration = Field(default=86_400.0, validation_alias="forget_after")
    offsets_retention_s: Duration | None = Field(default=None, validation_alias="offsets_retention")
    read_committed: Annotated[tuple[Regex, ...], one_or_many] = Field(
        default=(), validation_alias="read_committed_groups"
    )
    allowed_lag: Mapping[Regex, Count] = {}
    granularity: Mapping[Regex, GranularityName] = {}
    max_rows: Count = MAX_ROWS
    internal_topics: Boolean = False
    heartbeat_s: Duration = Field(default=60.0, validation_alias="heartbeat")
    uncommitted: UncommittedName = Uncommitted.SKIP
    names: LagNames = {}

    @property
    def address_map(self) -> AddressMap:
        """Addresses to connect to in place of advertised ones."""
        return AddressMap(
            {
                (advertised.host, advertised.port): (reachable.host, reachable.port)
                for text, reachable in self.advertised.items()
                for advertised in (parse_address(text),)
            }
        )


TransportName = Annotated[
    Literal["rmi", "jmxquery", "jolokia"], read(choice("rmi", "jmxquery", "jolokia"), "text")
]


class TlsSettings(ClientTls):
    """TLS to a JVM's JMX server; with `registry` also to its RMI registry, which is asked first."""

    registry: Boolean = False


class TargetOptions(Section):
    """How to poll a JVM, and the sets of rules to read from it."""

    collect: Annotated[tuple[Text, ...], one_or_many, Field(min_length=1)]
    tags: Mapping[TagName, Text] = {}
    transport: TransportName = "rmi"
    rmi_host: Host | None = None
    rmi_port: Port | None = None
    username: Text | None = None
    password: Secret | None = None
    password_file: FilePath | None = None
    tls: TlsSettings | None = None


class TargetAddress(Section):
    """Name and address of a JVM."""

    name: Text
    jmx: JmxAddressText


class TargetSettings(TargetOptions, TargetAddress):
    """One JVM to poll, and the sets of rules to read from it."""

    @property
    def server_host(self) -> str | None:
        """Host that replaces the one that the JVM advertises."""
        server = self.jmx.server
        return self.rmi_host or (None if server is None else server.host)

    @property
    def server_port(self) -> int | None:
        """Port that replaces the one that the JVM advertises."""
        server = self.jmx.server
        return self.rmi_port or (None if server is None else server.port)

    @property
    def jolokia_url(self) -> str | None:
        """URL of the JVM's Jolokia agent; None with another transport."""
        if self.transport != "jolokia":
            return None
        return self.jmx.agent_url(tls=self.tls is not None)


class Discovery(Section):
    """Name and JMX port of every broker of the cluster, from its id or its port."""

    discover: Annotated[Literal["kafka"], read(choice("kafka"), "text")]
    jmx_port: Annotated[BrokerTemplate, read(parse_broker_port, "a TCP port")]
    name: Annotated[BrokerTemplate, read(parse_broker_name, "text")] = BrokerTemplate("broker-{id}")


class DiscoverSettings(TargetOptions, Discovery):
    """Brokers of the cluster, each of them a target."""

    def target(self, broker: int, address: Address) -> TargetSettings:
        """Return the target of one broker; raises InvalidValue where `jmx_port` gives no port."""
        port = parse_port(self.jmx_port.fill(broker, address.port))
        options = {name: getattr(self, name) for name in TargetOptions.model_fields}
        return TargetSettings(
            name=self.name.fill(broker, address.port),
            jmx=JmxAddress(address.host, port),
            **options,
        )


WhenFull = Annotated[Literal["drop_oldest", "pause"], read(choice("drop_oldest", "pause"), "text")]


class StoreSettings(Section):
    """Local store of points, until InfluxDB has them, or for `retain` if there is no InfluxDB.

    Without `path` it is in the state directory.
    """

    path: FilePath | None = None
    retain_s: Duration = Field(default=2 * 86_400.0, validation_alias="retain")
    max_bytes: StoreSize = Field(default=2**30, validation_alias="max_size")
    when_full: WhenFull = "drop_oldest"


# A fifth of InfluxDB 1.8's limit for a database (1,000,000), and 20 MB of memory here.
MAX_SERIES = 200_000


class TopLevel(Section):
    """Single values at the top of a file."""

    cluster: Text = "local"
    interval_s: Interval = Field(default=10.0, validation_alias="interval")
    max_series: Count = MAX_SERIES


class Settings(TopLevel):
    """A whole file, checked; `warnings` tells what works but is probably a mistake."""

    path: Path
    influxdb: InfluxSettings | None = None
    kafka: KafkaSettings | None = None
    targets: tuple[TargetSettings, ...] = ()
    discover: tuple[DiscoverSettings, ...] = ()
    mbeans: Mapping[str, tuple[Rule, ...]] = {}
    store: StoreSettings = StoreSettings()
    warnings: tuple[Problem, ...] = ()

    def rules_for(self, target: TargetSettings) -> tuple[Rule, ...]:
        """Return the rules of the sets that a target collects, in its order."""
        return tuple(rule for name in target.collect for rule in self.mbeans[name])
