"""Builder of settings: a file's text in, settings or all of its problems out.

Every section, each target and each rule is read by itself, so that one mistake hides no other;
then come the checks that need several of them.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from jmxbridge.config.checks.access import check_influxdb, check_sasl, check_tls
from jmxbridge.config.checks.advertised import check_advertised
from jmxbridge.config.checks.document import refuse_discovery, refuse_pause
from jmxbridge.config.checks.rules import check_names, check_rule
from jmxbridge.config.checks.target import LocatedTarget, check_targets
from jmxbridge.config.checks.warnings import (
    warn_of_eavesdroppers,
    warn_of_globs,
    warn_of_secrets,
    warn_of_sets,
)
from jmxbridge.config.file_tree import KNOWN, TOP_LEVEL, read_tree
from jmxbridge.config.inclusion import ReadIncluded
from jmxbridge.config.linked_files import AnyTarget, LinkedFiles, ReadSecret, no_secrets
from jmxbridge.config.model.location import Path as KeyPath
from jmxbridge.config.model.model_reader import ModelReader, S
from jmxbridge.config.model.models import (
    DiscoverSettings,
    InfluxSettings,
    KafkaSettings,
    Settings,
    StoreSettings,
    TargetSettings,
    TopLevel,
)
from jmxbridge.config.rule_sets import Packs, read_packs, read_rules, set_names, to_sets
from jmxbridge.config.text import tree
from jmxbridge.config.text.problem import ConfigError, in_order
from jmxbridge.config.values.address import Address


def build(
    text: str,
    *,
    path: Path,
    environ: Mapping[str, str],
    read_secret: ReadSecret = no_secrets,
    packs: Packs = MappingProxyType({}),
    read_included: ReadIncluded = lambda _: (),
) -> Settings:
    """Return the settings that a file's text means; raises ConfigError with every problem.

    `path` is the file: other paths in it are relative to its folder. A pack is read where a target
    collects it and the file has no set of that name. By default there are no files of secrets, no
    packs, and nothing to include.
    """
    reader, root = read_tree(text, path=path, environ=environ, read_included=read_included)
    files = LinkedFiles(reader, path, read_secret)
    settings = _SettingsBuilder(reader, root, path, files, packs).settings()
    if settings is None or reader.problems:
        raise ConfigError(reader.problems)
    return settings


class _SettingsBuilder:
    """Reads the sections of one root; problems go to the reader."""

    def __init__(
        self,
        reader: ModelReader,
        root: tree.Mapping,
        path: Path,
        files: LinkedFiles,
        packs: Packs,
    ) -> None:
        self._reader = reader
        self._root = root
        self._path = path
        self._files = files
        self._packs = packs

    def settings(self) -> Settings | None:
        """Return the settings; None where there are problems."""
        for entry in self._root.entries:
            if entry.key.text not in KNOWN:
                self._reader.add_unknown_key(entry.key, (entry.key.text,), KNOWN)
        top_level = self._top_level()
        influxdb = self._influxdb()
        kafka = self._kafka()
        store = self._store()
        targets, located = self._targets()
        mbeans = self._node("mbeans")
        names = set_names(mbeans)
        own_rules = list(read_rules(self._reader, mbeans))
        for rule in own_rules:
            check_rule(self._reader, rule, top_level.interval_s if top_level else None)
        rules = [*read_packs(self._reader, self._packs, located, names), *own_rules]
        check_names(self._reader, rules)
        if self._node("kafka") is None:
            refuse_discovery(self._reader, located)
        check_targets(self._reader, located, rules, names, tuple(self._packs))
        if not (self._reader.problems or kafka or targets):
            first_key = self._root.entries[0].key
            self._reader.add(first_key, (), "nothing to poll: give kafka:, or targets:, or both")
        if self._reader.problems or top_level is None:
            return None
        self._warn(targets, located, kafka)
        return Settings(
            path=self._path,
            cluster=top_level.cluster,
            interval_s=top_level.interval_s,
            max_series=top_level.max_series,
            influxdb=influxdb,
            kafka=kafka,
            targets=tuple(target for target in targets if isinstance(target, TargetSettings)),
            discover=tuple(target for target in targets if isinstance(target, DiscoverSettings)),
            mbeans=to_sets(rules, names or (), self._path),
            store=store,
            warnings=in_order(self._reader.warnings),
        )

    def _warn(
        self,
        targets: Sequence[TargetSettings | DiscoverSettings],
        located: Sequence[LocatedTarget],
        kafka: KafkaSettings | None,
    ) -> None:
        reader = self._reader
        mbeans, influxdb = self._node("mbeans"), self._node("influxdb")
        cluster = self._node("kafka")
        if kafka is not None and isinstance(cluster, tree.Mapping):
            reached = (
                kafka.address_map.get(address.host, address.port) or (address.host, address.port)
                for address in kafka.bootstrap
            )
            hosts = [Address(host, port) for host, port in reached]
            warn_of_eavesdroppers(reader, cluster, hosts)
            warn_of_secrets(reader, cluster, ("kafka",))
            warn_of_globs(reader, cluster)
            sasl = tree.value_at(cluster, "sasl")
            if isinstance(sasl, tree.Mapping):
                warn_of_secrets(reader, sasl, ("kafka", "sasl"))
        if isinstance(mbeans, tree.Mapping):
            warn_of_sets(reader, mbeans, {name for target in targets for name in target.collect})
        if isinstance(influxdb, tree.Mapping):
            warn_of_secrets(reader, influxdb, ("influxdb",))
        for target in located:
            warn_of_secrets(reader, target.node, target.path)

    def _node(self, key: str) -> tree.Node | None:
        """Return what stands under a section's key; a key over nothing but comments has none."""
        return tree.value_at(self._root, key)

    def _section(self, model: type[S], key: str) -> S | None:
        node = self._node(key)
        return None if node is None else self._reader.read(model, node, (key,))

    def _top_level(self) -> TopLevel | None:
        entries = [entry for entry in self._root.entries if entry.key.text in TOP_LEVEL]
        return self._reader.read(TopLevel, tree.Mapping(self._root.span, tuple(entries)), ())

    def _influxdb(self) -> InfluxSettings | None:
        settings = self._section(InfluxSettings, "influxdb")
        node = self._node("influxdb")
        if not isinstance(node, tree.Mapping):
            return None
        check_influxdb(self._reader, node, ("influxdb",))
        return None if settings is None else self._files.for_influxdb(settings, node)

    def _kafka(self) -> KafkaSettings | None:
        settings = self._section(KafkaSettings, "kafka")
        node = self._node("kafka")
        if not isinstance(node, tree.Mapping):
            return None
        check_advertised(self._reader, node, ("kafka",))
        check_tls(self._reader, node, ("kafka",))
        sasl = tree.value_at(node, "sasl")
        if isinstance(sasl, tree.Mapping):
            check_sasl(self._reader, sasl, ("kafka", "sasl"))
        return None if settings is None else self._files.for_kafka(settings, node)

    def _store(self) -> StoreSettings:
        settings = self._section(StoreSettings, "store")
        node = self._node("store")
        if isinstance(node, tree.Mapping) and self._node("influxdb") is None:
            refuse_pause(self._reader, node, ("store",))
        return StoreSettings() if settings is None else self._files.for_store(settings)

    def _targets(self) -> tuple[list[TargetSettings | DiscoverSettings], list[LocatedTarget]]:
        """Return the targets that are valid, and the places of all of them."""
        targets: list[TargetSettings | DiscoverSettings] = []
        located = []
        counts: Counter[str] = Counter()  # by file: an included file counts its own
        for node in self._reader.items(self._node("targets"), ("targets",)):
            path = ("targets", counts[node.span.file])
            counts[node.span.file] += 1
            if isinstance(node, tree.Mapping) and node.get("discover"):
                targets += self._target(DiscoverSettings, node, path)
            else:
                targets += self._target(TargetSettings, node, path)
            if isinstance(node, tree.Mapping):
                located.append(LocatedTarget(node, path))
        return targets, located

    def _target(self, model: type[AnyTarget], node: tree.Node, path: KeyPath) -> list[AnyTarget]:
        settings = self._reader.read(model, node, path)
        if settings is None or not isinstance(node, tree.Mapping):
            return []
        return [self._files.for_target(settings, node, path)]
