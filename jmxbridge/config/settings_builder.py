"""One text to settings: every section by itself, then what they say together.

Sections are read one by one, each target and each rule too, so that one mistake hides no other.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from pydantic import Field, SecretStr

from jmxbridge.config import inclusion
from jmxbridge.config.checks.document import (
    check_influxdb,
    check_store,
    check_targets,
    refuse_discovery,
)
from jmxbridge.config.checks.located_target import LocatedTarget
from jmxbridge.config.checks.rules import LocatedRule, check_names, check_rule
from jmxbridge.config.checks.sasl_checks import check_sasl
from jmxbridge.config.checks.tls_checks import check_tls
from jmxbridge.config.checks.warnings import (
    warn_of_eavesdroppers,
    warn_of_globs,
    warn_of_secrets,
    warn_of_sets,
)
from jmxbridge.config.model.model_reader import S, SectionReader
from jmxbridge.config.model.models import (
    MAX_SERIES,
    DiscoverSettings,
    InfluxSettings,
    KafkaSettings,
    Section,
    Settings,
    StoreSettings,
    TargetSettings,
)
from jmxbridge.config.model.rule_entry import RuleEntry
from jmxbridge.config.text import redaction, tree, yaml_parser
from jmxbridge.config.text.malformed import Malformed
from jmxbridge.config.text.problem import ConfigError, in_order
from jmxbridge.config.text.source import Source
from jmxbridge.config.values.grammar import parse_header_secret, parse_secret
from jmxbridge.config.values.scalars import Count, Interval, Text
from jmxbridge.mbeans.rule import Rule


class Head(Section):
    """What stands at the top of a file beside the sections."""

    cluster: Text = "local"
    interval_s: Interval = Field(default=10.0, validation_alias="interval")
    max_series: Count = MAX_SERIES


SECTIONS = ("influxdb", "kafka", "targets", "mbeans", "store")
HEAD = ("cluster", "interval", "max_series")
KNOWN = [*HEAD, inclusion.KEY, *SECTIONS]

T = TypeVar("T", KafkaSettings, TargetSettings, DiscoverSettings)
Target = TypeVar("Target", TargetSettings, DiscoverSettings)
ReadSecret = Callable[[Path], str]
Packs = Mapping[str, Callable[[], str]]
"""Sets of rules that ship with the package: name → what reads its text."""


def build(
    text: str,
    *,
    path: Path,
    environ: Mapping[str, str],
    read_secret: ReadSecret,
    packs: Packs = MappingProxyType({}),
    read_included: inclusion.ReadIncluded = lambda _: (),
) -> Settings:
    """Make settings of a file's text; raises ConfigError.

    `read_secret` reads a `*_file`, already relative to the folder of `path`; it raises Malformed.
    A pack is read where a target collects it and the file has no set of that name. `read_included`
    reads what the file includes; by default there is nothing to include.
    """
    reader, root = read_tree(text, path=path, environ=environ, read_included=read_included)
    settings = _Document(reader, root, path, read_secret, packs).settings()
    if settings is None or reader.problems:
        raise ConfigError(reader.problems)
    return settings


def read_tree(
    text: str, *, path: Path, environ: Mapping[str, str], read_included: inclusion.ReadIncluded
) -> tuple[SectionReader, tree.Mapping]:
    """Read a file's text, and what it includes, as one tree; raises ConfigError.

    What is wrong with it and did not end the reading is among the reader's problems.
    """
    source = Source(str(path), text)
    root, faults = _root(source, text)
    source.hide_secrets(root)
    reader = SectionReader(source, environ)
    for fault in faults:
        reader.problems.append(source.problem(fault.span, "", fault.message))
    return reader, inclusion.include(reader, root, path, read_included)


def _root(source: Source, text: str) -> tuple[tree.Mapping, tuple[yaml_parser.Fault, ...]]:
    try:
        document = yaml_parser.compose(text)
    except yaml_parser.NotYaml as error:
        fault = error.fault
        raise ConfigError([source.problem(fault.span, "", fault.message)]) from None
    root = document.root
    if isinstance(root, tree.Mapping) and root.entries:
        return root, document.faults
    if root is None or (isinstance(root, tree.Scalar) and root.is_null):
        said = "the file is empty: it needs kafka: or targets: at least"
        raise ConfigError([source.problem(tree.Span(0, 0, 0, 1), "", said)])
    said = f"wants keys ({', '.join(KNOWN)}) with values"
    raise ConfigError([source.problem(root.span, "", said)])


class _Document:
    """The sections of one root."""

    def __init__(
        self,
        reader: SectionReader,
        root: tree.Mapping,
        path: Path,
        read_secret: ReadSecret,
        packs: Packs,
    ) -> None:
        self.reader = reader
        self.root = root
        self.path = path
        self.read_secret = read_secret
        self.packs = packs

    def settings(self) -> Settings | None:
        for entry in self.root.entries:
            if entry.key.text not in KNOWN:
                self.reader.unknown_key(entry.key, (entry.key.text,), KNOWN)
        head = self.head()
        influxdb = self.influxdb()
        kafka = self.kafka()
        store = self.store()
        targets, located = self.targets()
        own = list(self.rules())
        for rule in own:
            check_rule(self.reader, rule, head.interval_s if head else None)
        rules = [*self.pack_rules(located), *own]
        check_names(self.reader, rules)
        if self.node("kafka") is None:
            refuse_discovery(self.reader, located)
        check_targets(self.reader, located, rules, self.set_names(), tuple(self.packs))
        if not (self.reader.problems or kafka or targets):
            first = self.root.entries[0].key
            self.reader.add(first, (), "nothing to poll: give kafka:, or targets:, or both")
        if self.reader.problems or head is None:
            return None
        self.warn(targets, located, kafka)
        return Settings(
            path=self.path,
            cluster=head.cluster,
            interval_s=head.interval_s,
            max_series=head.max_series,
            influxdb=influxdb,
            kafka=kafka,
            targets=tuple(each for each in targets if isinstance(each, TargetSettings)),
            discover=tuple(each for each in targets if isinstance(each, DiscoverSettings)),
            mbeans=self.sets(rules),
            store=self.placed(store) if store else StoreSettings(),
            warnings=in_order(self.reader.warnings),
        )

    def warn(
        self,
        targets: Sequence[TargetSettings | DiscoverSettings],
        located: Sequence[LocatedTarget],
        kafka: KafkaSettings | None,
    ) -> None:
        mbeans, influxdb = self.node("mbeans"), self.node("influxdb")
        cluster = self.node("kafka")
        if kafka is not None and isinstance(cluster, tree.Mapping):
            warn_of_eavesdroppers(self.reader, cluster, kafka.bootstrap)
            warn_of_secrets(self.reader, cluster, ("kafka",))
            warn_of_globs(self.reader, cluster)
            sasl = cluster.get("sasl")
            if sasl is not None and isinstance(sasl.value, tree.Mapping):
                warn_of_secrets(self.reader, sasl.value, ("kafka", "sasl"))
        if isinstance(mbeans, tree.Mapping):
            warn_of_sets(self.reader, mbeans, {name for each in targets for name in each.collect})
        if isinstance(influxdb, tree.Mapping):
            warn_of_secrets(self.reader, influxdb, ("influxdb",))
        for target in located:
            warn_of_secrets(self.reader, target.node, target.path)

    def node(self, key: str) -> tree.Node | None:
        """Return what stands under a section's key; a key over nothing but comments is none."""
        return tree.value_at(self.root, key)

    def head(self) -> Head | None:
        entries = [entry for entry in self.root.entries if entry.key.text in HEAD]
        return self.reader.read(Head, tree.Mapping(self.root.span, tuple(entries), 1, 2), ())

    def section(self, model: type[S], key: str) -> S | None:
        node = self.node(key)
        return None if node is None else self.reader.read(model, node, (key,))

    def store(self) -> StoreSettings | None:
        node = self.node("store")
        if isinstance(node, tree.Mapping) and self.node("influxdb") is None:
            check_store(self.reader, node, ("store",))
        return self.section(StoreSettings, "store")

    def influxdb(self) -> InfluxSettings | None:
        settings = self.section(InfluxSettings, "influxdb")
        node = self.node("influxdb")
        if not isinstance(node, tree.Mapping):
            return settings
        check_influxdb(self.reader, node, ("influxdb",))
        if settings is None:
            return None
        secrets = {}
        for key, file in (("token", settings.token_file), ("password", settings.password_file)):
            entry = node.get(f"{key}_file")
            if file is not None and entry is not None:
                secrets[key] = self.secret(entry, ("influxdb",), file, parse_header_secret)
        return settings.model_copy(update=secrets)

    def kafka(self) -> KafkaSettings | None:
        settings = self.section(KafkaSettings, "kafka")
        node = self.node("kafka")
        if not isinstance(node, tree.Mapping):
            return settings
        check_tls(self.reader, node, ("kafka",))
        sasl = node.get("sasl")
        if sasl is None or not isinstance(sasl.value, tree.Mapping):
            return settings if settings is None else self.with_files(settings, node, ("kafka",))
        check_sasl(self.reader, sasl.value, ("kafka", "sasl"))
        if settings is None or settings.sasl is None:
            return None
        update: dict[str, object] = {}
        for key in ("password", "client_secret"):
            file, entry = getattr(settings.sasl, f"{key}_file"), sasl.value.get(f"{key}_file")
            if file is not None and entry is not None:
                update[key] = self.secret(entry, ("kafka", "sasl"), file)
        for key in ("token_ca_file", "keytab_file"):
            if (file := getattr(settings.sasl, key)) is not None:
                update[key] = self.path.parent / file
        made = settings.sasl.model_copy(update=update)
        return self.with_files(settings.model_copy(update={"sasl": made}), node, ("kafka",))

    def folder(self, node: tree.Node) -> Path:
        """Return the folder of the file that a node stands in."""
        return (Path(node.span.file) if node.span.file else self.path).parent

    def with_files(self, settings: T, node: tree.Mapping, path: tuple[str | int, ...]) -> T:
        """Take the files of a section's TLS from the folder of the file it stands in."""
        tls, entry = settings.tls, node.get("tls")
        if tls is None or entry is None or not isinstance(entry.value, tree.Mapping):
            return settings
        update: dict[str, object] = {
            name: self.folder(node) / file
            for name in ("ca_file", "cert_file", "key_file")
            if (file := getattr(tls, name)) is not None
        }
        password = entry.value.get("key_password_file")
        if tls.key_password_file is not None and password is not None:
            update["key_password"] = self.secret(password, (*path, "tls"), tls.key_password_file)
        return settings.model_copy(update={"tls": tls.model_copy(update=update)})

    def secret(
        self,
        entry: tree.Entry,
        path: tuple[str | int, ...],
        name: Path,
        parse: Callable[[str], SecretStr] = parse_secret,
    ) -> SecretStr | None:
        """Read a secret's file: as the path says; a bare name is systemd's credential, if it is."""
        file = self.folder(entry.value) / name
        credentials = self.reader.environ.get("CREDENTIALS_DIRECTORY")
        if credentials and name.parent == Path():
            file = Path(credentials) / name
        try:
            return parse(self.read_secret(file))
        except Malformed as error:
            said = f"{file}: {error.message}"
            if redaction.is_itself(str(name)):
                key = entry.key.text.removesuffix("_file")
                said = f"names no file, but looks like the {key} itself: put it into one"
            self.reader.add(entry.value, (*path, entry.key.text), said)
            return None

    def placed(self, store: StoreSettings) -> StoreSettings:
        """Take a relative path from the folder of the file, wherever the process was started."""
        if store.path is None:
            return store
        return store.model_copy(update={"path": self.path.parent / store.path})

    def items(self, node: tree.Node | None, path: tuple[str | int, ...]) -> Iterator[tree.Node]:
        if isinstance(node, tree.Sequence):
            yield from node.items
        elif node is not None:
            self.reader.add(node, path, "wants a list (lines that begin with -)")

    def targets(self) -> tuple[list[TargetSettings | DiscoverSettings], list[LocatedTarget]]:
        """Return the targets that are right, and the places of all of them."""
        settings: list[TargetSettings | DiscoverSettings] = []
        located = []
        counts: Counter[str] = Counter()
        for node in self.items(self.node("targets"), ("targets",)):
            path = ("targets", counts[node.span.file])
            counts[node.span.file] += 1
            discovers = isinstance(node, tree.Mapping) and node.get("discover")
            if discovers:
                settings += self.target(DiscoverSettings, node, path)
            else:
                settings += self.target(TargetSettings, node, path)
            if isinstance(node, tree.Mapping):
                located.append(LocatedTarget(node, path))
        return settings, located

    def target(
        self, model: type[Target], node: tree.Node, path: tuple[str | int, ...]
    ) -> list[Target]:
        """Read a target, its password, and its files from the folder of the file it stands in."""
        made = self.reader.read(model, node, path)
        if made is None or not isinstance(node, tree.Mapping):
            return []
        entry = node.get("password_file")
        if made.password_file is not None and entry is not None:
            password = self.secret(entry, path, made.password_file)
            made = made.model_copy(update={"password": password})
        return [self.with_files(made, node, path)]

    def rules(self) -> Iterator[LocatedRule]:
        mbeans = self.node("mbeans")
        if mbeans is not None and not isinstance(mbeans, tree.Mapping):
            self.reader.add(mbeans, ("mbeans",), "wants sets of rules (name: list of rules)")
            return
        for entry in mbeans.entries if mbeans else ():
            path = ("mbeans", entry.key.text)
            if isinstance(entry.value, tree.Sequence) and not entry.value.items:
                self.reader.add(entry.key, path, "has no rules")
            for index, node in enumerate(self.items(entry.value, path)):
                made = self.reader.read_partly(RuleEntry, node, (*path, index))
                if made is not None and isinstance(node, tree.Mapping):
                    yield LocatedRule(entry.key.text, made, node, (*path, index))

    def set_names(self) -> list[str] | None:
        """Return the sets there are, also those with problems; None where that cannot be told."""
        mbeans = self.node("mbeans")
        if mbeans is None:
            return []
        return [e.key.text for e in mbeans.entries] if isinstance(mbeans, tree.Mapping) else None

    def pack_rules(self, targets: Sequence[LocatedTarget]) -> Iterator[LocatedRule]:
        """Yield the rules of every pack that a target collects and the file does not replace."""
        own = self.set_names()
        collected = {name for target in targets for _, name in target.texts(self.reader, "collect")}
        for name in sorted(collected & self.packs.keys()):
            if own is not None and name not in own:
                yield from read_pack(name, self.packs[name](), self.reader.environ)

    def sets(self, rules: list[LocatedRule]) -> dict[str, tuple[Rule, ...]]:
        sets: dict[str, tuple[Rule, ...]] = {name: () for name in self.set_names() or ()}
        for rule in rules:
            made = rule.made(self.path)
            sets[rule.set_name] = (*sets.get(rule.set_name, ()), made)
        return sets


def read_pack(name: str, text: str, environ: Mapping[str, str]) -> Iterator[LocatedRule]:
    """Yield the rules of a pack, a list of them and nothing else; raises ConfigError."""
    file = f"packs/{name}.yaml"
    source = Source(file, text)
    root = yaml_parser.compose(text).root
    assert isinstance(root, tree.Sequence)  # noqa: S101  ours, and tested
    source.hide_secrets(root)
    reader = SectionReader(source, environ)
    for index, node in enumerate(root.items):
        entry = reader.read(RuleEntry, node, (index,))
        if entry is not None and isinstance(node, tree.Mapping):
            rule = LocatedRule(name, entry, node, (index,), file)
            check_rule(reader, rule, None)
            yield rule
    if reader.problems:
        raise ConfigError(reader.problems)
