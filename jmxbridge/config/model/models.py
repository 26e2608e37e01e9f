"""What a file says, as frozen settings.

Names end in their unit (`interval_s`); the key in the file is the alias (`interval`). What needs
two sections to be judged is in `config.checks`; where a key stands in the file is in
`config.sections`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from jmxbridge.config.text.problem import Problem
from jmxbridge.config.values.address import Address, parse_port
from jmxbridge.config.values.broker_templates import (
    BrokerTemplate,
    parse_broker_name,
    parse_broker_port,
)
from jmxbridge.config.values.grammar import choice
from jmxbridge.config.values.jmx_address import JmxAddress
from jmxbridge.config.values.sasl_keys import MECHANISMS
from jmxbridge.config.values.scalars import (
    AwsRegion,
    Boolean,
    Bootstrap,
    CertificatePath,
    Count,
    Duration,
    FilePath,
    HeaderSecret,
    HeaderText,
    Host,
    Interval,
    JmxPort,
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
from jmxbridge.kafka.facts.names import DENIED_GROUPS, DENIED_TOPICS
from jmxbridge.lag.output.row_thinning import MAX_ROWS, Granularity
from jmxbridge.lag.uncommitted import Uncommitted
from jmxbridge.mbeans.rule import Rule


class Section(BaseModel):
    """A mapping of the file: keys are known, values never change, secrets are never shown."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        validate_by_name=True,
        validate_by_alias=True,
        hide_input_in_errors=True,
        arbitrary_types_allowed=True,
    )


class InfluxSettings(Section):
    """Where points go: InfluxDB 2 and 3 by token, 1.8 by user name and password."""

    url: Url
    bucket: Text
    org: Text | None = None
    token: HeaderSecret | None = None
    token_file: FilePath | None = None
    username: HeaderText | None = None
    password: HeaderSecret | None = None
    password_file: FilePath | None = None


class Filter(Section):
    """Names wanted: those that an `allow` matches whole (none given: all) and no `deny` does."""

    allow: Annotated[tuple[Regex, ...], one_or_many] = ()
    deny: Annotated[tuple[Regex, ...], one_or_many] = ()


class GroupFilter(Filter):
    """Consumer groups; by default without those of kafka-console-consumer.sh."""

    deny: Annotated[tuple[Regex, ...], one_or_many] = DENIED_GROUPS


class TopicFilter(Filter):
    """Topics; by default without Kafka's own."""

    deny: Annotated[tuple[Regex, ...], one_or_many] = DENIED_TOPICS


GranularityName = Annotated[Granularity, read(choice(*Granularity), "text")]
UncommittedName = Annotated[Uncommitted, read(choice(*Uncommitted), "text")]


class ClientTls(Section):
    """TLS as a client: whom to trust, and who we are.

    Files are PEM; a `cert_file` may be a PKCS#12 store, which has its key.
    """

    ca_file: PemPath | None = None
    cert_file: CertificatePath | None = None
    key_file: PemPath | None = None
    key_password: Secret | None = None
    key_password_file: FilePath | None = None
    check_hostname: Boolean = True


MechanismName = Annotated[str, read(choice(*MECHANISMS), "text")]


class SaslSettings(Section):
    """Who we are for Kafka; which keys belong to which mechanism is in `config.sasl`."""

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
    """The cluster whose groups' lag is computed; `timeout_s` is for one broker in one poll.

    Above `max_rows` partition rows the largest groups have topics only. `internal_topics`: also
    those that Streams applications make for themselves.

    A group that is gone is kept for `forget_after_s`; `offsets_retention_s` is how long the brokers
    keep the offsets of an empty one (their offsets.retention.minutes), None to ask them.
    `read_committed` are patterns of groups that skip open transactions; `allowed_lag` has by
    pattern of groups the records that are no lag, and `granularity` the finest rows. A partition
    row at rest is written each `heartbeat_s`. `uncommitted` is where a group begins to read a
    partition it has never committed. `names` has other names for what is written: measurements, and
    their tags and fields as MEASUREMENT.NAME.
    """

    bootstrap: Bootstrap
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


TransportName = Annotated[
    Literal["rmi", "jmxquery", "jolokia"], read(choice("rmi", "jmxquery", "jolokia"), "text")
]


class TlsSettings(ClientTls):
    """TLS to a JVM's JMX server; to its registry, the port that is asked first, where set."""

    registry: Boolean = False


class TargetOptions(Section):
    """How a JVM is polled, and the sets of rules to read from it."""

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
    """Which JVM it is."""

    name: Text
    jmx: JmxPort


class TargetSettings(TargetOptions, TargetAddress):
    """One JVM to poll, and the sets of rules to read from it."""

    @property
    def server_host(self) -> str | None:
        """What replaces the host that the JVM advertises."""
        named = self.jmx.server
        return self.rmi_host or (None if named is None else named.host)

    @property
    def server_port(self) -> int | None:
        """What replaces the port that the JVM advertises."""
        named = self.jmx.server
        return self.rmi_port or (None if named is None else named.port)

    @property
    def jolokia_url(self) -> str | None:
        """Where the JVM's agent is asked; None where it is read in another way."""
        if self.transport != "jolokia":
            return None
        return self.jmx.agent_url(tls=self.tls is not None)


class Discovery(Section):
    """Which JVMs they are: every broker of the cluster, named and found by its id."""

    discover: Annotated[Literal["kafka"], read(choice("kafka"), "text")]
    jmx_port: Annotated[BrokerTemplate, read(parse_broker_port, "a TCP port")]
    name: Annotated[BrokerTemplate, read(parse_broker_name, "text")] = BrokerTemplate("broker-{id}")


class DiscoverSettings(TargetOptions, Discovery):
    """The brokers of the cluster, each of them a target."""

    def target(self, broker: int, address: Address) -> TargetSettings:
        """Return the target that a broker is; raises InvalidValue for a port that is none."""
        port = parse_port(self.jmx_port.fill(broker, address.port))
        options = {name: getattr(self, name) for name in TargetOptions.model_fields}
        return TargetSettings(
            name=self.name.fill(broker, address.port),
            jmx=JmxAddress(address.host, port),
            **options,
        )


WhenFull = Annotated[Literal["drop_oldest", "pause"], read(choice("drop_oldest", "pause"), "text")]


class StoreSettings(Section):
    """The local spool and history; `path` None: `loader.store_path` decides."""

    path: FilePath | None = None
    retain_s: Duration = Field(default=2 * 86_400.0, validation_alias="retain")
    max_bytes: StoreSize = Field(default=2**30, validation_alias="max_size")
    when_full: WhenFull = "drop_oldest"


# A fifth of what InfluxDB 1.8 lets a database have, and 20 MB of memory here.
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
        """Return the rules of the sets the target collects, in that order."""
        return tuple(rule for name in target.collect for rule in self.mbeans[name])
