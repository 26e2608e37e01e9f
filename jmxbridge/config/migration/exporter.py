"""Reader of rules of Prometheus' jmx_exporter that mean an ObjectName and an attribute.

A metric becomes a field of the same name in the measurement `prometheus`, and its labels become
tags, as Telegraf's prometheus input (metric_version 2) writes what it scrapes. A domain that is a
pattern becomes each domain of Kafka's that it matches. A name contains whole values of key
properties, in snake_case where the exporter makes them lower-case; names that change are listed.
"""

import re
from collections.abc import Iterator

from jmxbridge.config.migration.draft import (
    MEMORY_ATTRIBUTES,
    MEMORY_USAGE,
    Draft,
    DraftRule,
    DraftTarget,
    NotMigratable,
    WrongFile,
    escaped,
    literal,
    tag_name,
)
from jmxbridge.config.migration.exporter_pattern import (
    ExporterPattern,
    PatternToken,
    Wildcard,
    groups,
    parse_pattern,
)
from jmxbridge.config.text.tree import Mapping, Node, Scalar, Sequence, text_at, value_at
from jmxbridge.config.text.yaml_parser import NotYaml, compose

MEASUREMENT = "prometheus"
SET_NAME = "jmx-exporter"
DOMAINS = (
    *("kafka.server", "kafka.network", "kafka.controller", "kafka.log", "kafka.cluster"),
    *("kafka.coordinator.group", "kafka.coordinator.transaction"),
    *("kafka.consumer", "kafka.producer", "kafka.connect", "kafka.streams"),
)
# Keys that are read below, or that have no meaning without scraping.
KNOWN = {
    *("hostPort", "jmxUrl", "username", "password", "ssl", "rules", "lowercaseOutputName"),
    *("lowercaseOutputLabelNames", "startDelaySeconds", "cacheRules"),
}
RULE_KEYS = {"pattern", "name", "labels", "help", "type", "value", "valueFactor", "cache"}
_GROUP = re.compile(r"\$(\d)")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_:{}=$.-]")


def read_exporter(text: str) -> Draft:
    """Read a file of jmx_exporter; raises WrongFile."""
    try:
        root = compose(text).root
    except NotYaml as error:
        raise WrongFile(f"line {error.fault.span.line + 1}: {error.fault.message}") from None
    rules = value_at(root, "rules")
    if not isinstance(root, Mapping) or not isinstance(rules, Sequence):
        raise WrongFile('no "rules" in it: is this a file of jmx_exporter?')
    draft = Draft()
    _target(root, draft)
    for entry in root.entries:
        if entry.key.text not in KNOWN:
            reason = f"{entry.key.text} has no counterpart: rules name what they read"
            draft.leave_out(_line(entry.key), reason)
    lower = text_at(root, "lowercaseOutputName") == "true"
    lower_labels = text_at(root, "lowercaseOutputLabelNames") == "true"
    for node in rules.items:
        _read_rule(node, draft, lower=lower, lower_labels=lower_labels)
    return draft


def _read_rule(node: Node, draft: Draft, *, lower: bool, lower_labels: bool) -> None:
    line, subject = _line(node), f"pattern {text_at(node, 'pattern') or '.*'}"
    try:
        rule = _ExporterRule(node, lower, lower_labels)
        entries = list(rule.entries())
    except NotMigratable as error:
        draft.leave_out(line, f"{subject}: {error}")
        return
    for label in rule.lost_labels:
        reason = f"label {label} is not one key property: each pattern becomes a tag"
        draft.leave_out(line, f"{subject}: {reason}")
    if rule.renamed:
        draft.leave_out(line, f"{subject}: its names change: {rule.renamed}")
    draft.rules += [DraftRule(line, SET_NAME, entry) for entry in entries]


def _target(root: Mapping, draft: Draft) -> None:
    address = text_at(root, "jmxUrl") or text_at(root, "hostPort")
    if not address:
        address = "127.0.0.1:9999"
        reason = "it ran inside the JVM: set jmx of target jvm-1 to that JVM's JMX port"
        draft.leave_out(1, reason)
    target: dict[str, object] = {"name": "jvm-1", "jmx": literal(address)}
    username = text_at(root, "username")
    if username:
        target |= draft.login(_line(root), "target jvm-1", username, text_at(root, "password"))
    if text_at(root, "ssl") == "true":
        target["tls"] = {}
    draft.targets.append(DraftTarget(_line(root), SET_NAME, target))


class _ExporterRule:
    """One rule of the exporter: its pattern, and the names and labels made of its groups."""

    def __init__(self, node: Node, lower: bool, lower_labels: bool) -> None:
        pattern = text_at(node, "pattern")
        if not pattern or not text_at(node, "name"):
            message = "reads everything under the exporter's own names: collect a pack instead"
            raise NotMigratable(message)
        for entry in node.entries if isinstance(node, Mapping) else ():
            if entry.key.text not in RULE_KEYS:
                raise NotMigratable(f"{entry.key.text} has no counterpart")
        self._pattern = parse_pattern(pattern)
        self._lower = lower
        self._lower_labels = lower_labels
        self._name = text_at(node, "name")
        self._value = text_at(node, "value")
        self._factor = _factor(text_at(node, "valueFactor"))
        labels = value_at(node, "labels")
        self._labels = {
            entry.key.text: entry.value.text
            for entry in (labels.entries if isinstance(labels, Mapping) else ())
            if isinstance(entry.value, Scalar)
        }
        self._keys = _keys(self._pattern)
        group = self._pattern.value_group
        if self._value and (group is None or self._value != f"${group}"):
            raise NotMigratable("a value that the rule makes up: use states for words")

    @property
    def lost_labels(self) -> list[str]:
        """Labels that are not one whole key property under a name without groups."""
        return [label for label, text in self._labels.items() if not self._is_tag(label, text)]

    @property
    def renamed(self) -> str:
        """How its names differ from those the exporter makes; empty where they are the same."""
        is_whole = {
            number: len(tokens) == 1
            for tokens in self._pattern.properties.values()
            for number in groups(tokens)
        }
        if self._memory_usage() is None:
            is_whole |= dict.fromkeys(groups(self._pattern.attribute), True)
        used = [int(match[1]) for match in _GROUP.finditer(self._name)]
        differences = []
        if any(not is_whole.get(number, True) for number in used):
            differences.append("they contain whole key properties")
        if self._lower and any(number in is_whole for number in used):
            differences.append("their words are separated, log_end_offset for logendoffset")
        return ", and ".join(differences)

    def _is_tag(self, label: str, text: str) -> bool:
        match = _GROUP.fullmatch(text)
        return match is not None and int(match[1]) in self._keys and "$" not in label

    def entries(self) -> Iterator[dict[str, object]]:
        """Yield the rules it becomes, one per domain; raises NotMigratable."""
        domain = _shown(self._pattern.domain)
        if "*" not in domain:
            yield self._entry(domain, [])
            return
        shape = re.compile(re.escape(domain).replace(r"\*", "(.+)"))
        matches = [match for name in DOMAINS if (match := shape.fullmatch(name))]
        if not matches:
            raise NotMigratable("its domain is a pattern that matches none of Kafka's")
        for match in matches:
            yield self._entry(match[0], list(match.groups()))

    def _entry(self, domain: str, matched: list[str]) -> dict[str, object]:
        """Return the rule of one domain; `matched` are the texts of its wildcards."""
        wildcards = [token for token in self._pattern.domain if isinstance(token, Wildcard)]
        words = {
            wildcard.group: word.replace(".", "_")
            for wildcard, word in zip(wildcards, matched, strict=True)
            if wildcard.group
        }
        pairs = [f"{key}={_shown(value)}" for key, value in self._pattern.properties.items()]
        pairs += ["*"] if self._pattern.open_ended else []
        attribute, captured = self._attribute()
        usage = self._memory_usage()
        if usage is None:
            names = {attribute: self._filled(self._name, words)}
        else:
            group, path, captured = usage.group or 0, ".".join(self._pattern.items), []
            names = {
                f"{path}.{item}": self._filled(self._name, {**words, group: item})
                for item in MEMORY_USAGE
            }
        tags = self._tags("".join(names.values()), captured)
        entry: dict[str, object] = {
            "bean": literal(f"{domain}:{','.join(pairs)}"),
            "measurement": MEASUREMENT,
            "optional": True,
        }
        if tags:
            entry["tags"] = tags
        return {**entry, "fields": {path: self._field(name) for path, name in names.items()}}

    def _field(self, name: str) -> object:
        return {"name": literal(name), "scale": self._factor} if self._factor else literal(name)

    def _memory_usage(self) -> Wildcard | None:
        """Return the wildcard for the items of a MemoryUsage, where the name contains them."""
        token, *rest = self._pattern.attribute
        is_known = len(self._pattern.items) == 1 and self._pattern.items[0] in MEMORY_ATTRIBUTES
        if rest or not is_known or not isinstance(token, Wildcard):
            return None
        return token if f"${token.group}" in self._name else None

    def _attribute(self) -> tuple[str, list[str]]:
        """Return the attribute as a path, and the keys that are captured in its name."""
        keys: list[str] = []
        text = ""
        for token in self._pattern.attribute:
            if isinstance(token, Wildcard):
                keys.append(self._keys.get(token.group or 0, f"attribute_{len(keys) + 1}"))
                text += f"{{{keys[-1]}}}"
            else:
                text += escaped(token)
        return ".".join([*map(escaped, self._pattern.items), text]), keys

    def _filled(self, template: str, words: dict[int, str]) -> str:
        """Return a name: groups of the domain are `words`, other groups are key properties."""

        def group(match: re.Match[str]) -> str:
            number = int(match[1])
            if number in words:
                return words[number].lower() if self._lower else words[number]
            if number not in self._keys:
                raise NotMigratable(f"{match[0]} in its name stands for no key property")
            return f"{{{'' if self._lower else '='}{self._keys[number]}}}"

        plain = template.lower() if self._lower else template
        return _NOT_IN_NAMES.sub("_", _GROUP.sub(group, plain))

    def _tags(self, name: str, captured: list[str]) -> dict[str, str]:
        """Return a tag for each label, and for each pattern that is in no label and no name."""
        tags: dict[str, str] = {}
        for label, text in self._labels.items():
            if self._is_tag(label, text):
                name_of_label = label.lower() if self._lower_labels else label
                tags[tag_name(name_of_label)] = self._keys[int(text[1:])]
        open_keys = [key for key, value in self._pattern.properties.items() if "*" in _shown(value)]
        for key in (*open_keys, *captured):
            if key not in tags.values() and f"{key}}}" not in name:
                tags[tag_name(key)] = key
        return tags


def _factor(text: str) -> float | None:
    try:
        factor = float(text or 1)
    except ValueError:
        raise NotMigratable(f'valueFactor "{text}" is not a number') from None
    return factor if factor != 1 else None


def _keys(pattern: ExporterPattern) -> dict[int, str]:
    """Return the key property of each group, which is its whole value or a part of it."""
    keys = {
        number: key for key, value in pattern.properties.items() for number in groups(value)[:1]
    }
    for index, number in enumerate(groups(pattern.attribute)):
        keys[number] = "attribute" if index == 0 else f"attribute_{index + 1}"
    return keys


def _shown(tokens: tuple[PatternToken, ...]) -> str:
    return "".join("*" if isinstance(token, Wildcard) else token for token in tokens)


def _line(node: Node) -> int:
    return node.span.line + 1
