"""Rules of Prometheus' jmx_exporter, as far as they are an ObjectName and an attribute.

A metric becomes a field of its own name in the measurement `prometheus`, its labels tags: as
Telegraf's prometheus input (metric_version 2) writes what it scrapes. A domain that is a pattern
becomes the domains that Kafka has. What a key property puts into a name is whole here, and in
snake_case where the exporter makes it lower-case: names that this changes are listed.
"""

import re
from collections.abc import Iterator

from jmxbridge.config.migration.draft import (
    MEMORY_ATTRIBUTES,
    MEMORY_USAGE,
    Draft,
    DraftRule,
    DraftTarget,
    escaped,
    literal,
    tag_name,
)
from jmxbridge.config.migration.exporter_pattern import (
    ExporterPattern,
    PatternToken,
    Wildcard,
    parse_pattern,
)
from jmxbridge.config.text.problem import InvalidValue
from jmxbridge.config.text.tree import Mapping, Node, Scalar, Sequence, text_at, value_at
from jmxbridge.config.text.yaml_parser import NotYaml, compose

MEASUREMENT = "prometheus"
SET_NAME = "jmx-exporter"
DOMAINS = (
    *("kafka.server", "kafka.network", "kafka.controller", "kafka.log", "kafka.cluster"),
    *("kafka.coordinator.group", "kafka.coordinator.transaction"),
    *("kafka.consumer", "kafka.producer", "kafka.connect", "kafka.streams"),
)
# Read below, or without a meaning where nothing is scraped.
KNOWN = {
    *("hostPort", "jmxUrl", "username", "password", "ssl", "rules", "lowercaseOutputName"),
    *("lowercaseOutputLabelNames", "startDelaySeconds", "cacheRules"),
}
RULE_KEYS = {"pattern", "name", "labels", "help", "type", "value", "valueFactor", "cache"}
_GROUP = re.compile(r"\$(\d)")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_:{}=$.-]")


def read_exporter(text: str) -> Draft:
    """Read a file of jmx_exporter; raises InvalidValue."""
    try:
        root = compose(text).root
    except NotYaml as error:
        raise InvalidValue(f"line {error.fault.span.line + 1}: {error.fault.message}") from None
    rules = value_at(root, "rules")
    if not isinstance(root, Mapping) or not isinstance(rules, Sequence):
        raise InvalidValue('no "rules" in it: is this a file of jmx_exporter?')
    draft = Draft()
    _target(root, draft)
    for entry in root.entries:
        if entry.key.text not in KNOWN:
            said = f"{entry.key.text}: rules name what they read, nothing else is asked for"
            draft.leave(_line(entry.key), said)
    lower = text_at(root, "lowercaseOutputName") == "true"
    lower_labels = text_at(root, "lowercaseOutputLabelNames") == "true"
    for node in rules.items:
        what = f"pattern {text_at(node, 'pattern') or '.*'}"
        try:
            rule = _ExporterRule(node, lower, lower_labels)
            entries = list(rule.entries())
        except InvalidValue as error:
            draft.leave(_line(node), f"{what}: {error}")
            continue
        for label in rule.lost_labels:
            said = f"{what}: label {label} is not one key property: patterns are tags of their own"
            draft.leave(_line(node), said)
        if rule.renamed:
            draft.leave(_line(node), f"{what}: its names are others here: {rule.renamed}")
        draft.rules += [DraftRule(_line(node), SET_NAME, entry) for entry in entries]
    return draft


def _target(root: Mapping, draft: Draft) -> None:
    address = text_at(root, "jmxUrl") or text_at(root, "hostPort")
    if not address:
        address = "127.0.0.1:9999"
        said = "it ran inside the JVM: set jmx of target jvm-1 to that JVM's JMX port"
        draft.leave(1, said)
    target: dict[str, object] = {"name": "jvm-1", "jmx": literal(address)}
    username = text_at(root, "username")
    if username:
        target |= draft.login(_line(root), "target jvm-1", username, text_at(root, "password"))
    if text_at(root, "ssl") == "true":
        target["tls"] = {}
    draft.targets.append(DraftTarget(_line(root), SET_NAME, target))


class _ExporterRule:
    """One rule: its pattern, and what it makes of the groups."""

    def __init__(self, node: Node, lower: bool, lower_labels: bool) -> None:
        pattern = text_at(node, "pattern")
        if not pattern or not text_at(node, "name"):
            raise InvalidValue("takes everything under names of its own: collect a pack instead")
        for entry in node.entries if isinstance(node, Mapping) else ():
            if entry.key.text not in RULE_KEYS:
                raise InvalidValue(f"{entry.key.text} has no counterpart")
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
            raise InvalidValue("a value that the rule makes up: states map words to numbers here")

    @property
    def lost_labels(self) -> list[str]:
        """The labels that are not one key property, whole and under a name of its own."""
        return [label for label, text in self._labels.items() if not self._is_tag(label, text)]

    @property
    def renamed(self) -> str:
        """What its names are not as the exporter makes them; empty where they are the same."""
        whole = {
            number: len(tokens) == 1
            for tokens in self._pattern.properties.values()
            for number in self._pattern.groups(tokens)
        }
        if self._memory_usage() is None:
            whole |= dict.fromkeys(self._pattern.groups(self._pattern.attribute), True)
        groups = [int(match[1]) for match in _GROUP.finditer(self._name)]
        ways = []
        if any(not whole.get(number, True) for number in groups):
            ways.append("a key property is whole in them")
        if self._lower and any(number in whole for number in groups):
            ways.append("its words are parted, log_end_offset for logendoffset")
        return ", and ".join(ways)

    def _is_tag(self, label: str, text: str) -> bool:
        match = _GROUP.fullmatch(text)
        return match is not None and int(match[1]) in self._keys and "$" not in label

    def entries(self) -> Iterator[dict[str, object]]:
        """Yield the rules it becomes, one a domain; raises InvalidValue."""
        domain = _shown(self._pattern.domain)
        if "*" not in domain:
            yield self._entry(domain, [])
            return
        shape = re.compile(re.escape(domain).replace(r"\*", "(.+)"))
        matches = [match for each in DOMAINS if (match := shape.fullmatch(each))]
        if not matches:
            raise InvalidValue("its domain is a pattern that none of Kafka's matches")
        for match in matches:
            yield self._entry(match[0], list(match.groups()))

    def _entry(self, domain: str, found: list[str]) -> dict[str, object]:
        anys = [token for token in self._pattern.domain if isinstance(token, Wildcard)]
        words = {
            token.group: word.replace(".", "_")
            for token, word in zip(anys, found, strict=True)
            if token.group
        }
        pairs = [f"{key}={_shown(value)}" for key, value in self._pattern.properties.items()]
        pairs += ["*"] if self._pattern.open_ended else []
        attribute, captured = self._attribute()
        usage = self._memory_usage()
        if usage is None:
            named = {attribute: self._filled(self._name, words)}
        else:
            group, path, captured = usage.group or 0, ".".join(self._pattern.items), []
            named = {
                f"{path}.{item}": self._filled(self._name, {**words, group: item})
                for item in MEMORY_USAGE
            }
        tags = self._tags("".join(named.values()), captured)
        entry: dict[str, object] = {
            "bean": literal(f"{domain}:{','.join(pairs)}"),
            "measurement": MEASUREMENT,
            "optional": True,
        }
        if tags:
            entry["tags"] = tags
        return {**entry, "fields": {path: self._field(name) for path, name in named.items()}}

    def _field(self, name: str) -> object:
        return {"name": literal(name), "scale": self._factor} if self._factor else literal(name)

    def _memory_usage(self) -> Wildcard | None:
        """Return what stands for the items of a MemoryUsage, which are known, in its name."""
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
        def group(match: re.Match[str]) -> str:
            number = int(match[1])
            if number in words:
                return words[number].lower() if self._lower else words[number]
            if number not in self._keys:
                raise InvalidValue(f"{match[0]} in its name stands for nothing that has a key")
            return f"{{{'' if self._lower else '='}{self._keys[number]}}}"

        plain = template.lower() if self._lower else template
        return _NOT_IN_NAMES.sub("_", _GROUP.sub(group, plain))

    def _tags(self, name: str, captured: list[str]) -> dict[str, str]:
        """Return a tag for each label, and for each pattern that neither label nor name has."""
        tags: dict[str, str] = {}
        for label, text in self._labels.items():
            if self._is_tag(label, text):
                known = label.lower() if self._lower_labels else label
                tags[tag_name(known)] = self._keys[int(text[1:])]
        open_keys = [key for key, value in self._pattern.properties.items() if "*" in _shown(value)]
        for key in (*open_keys, *captured):
            if key not in tags.values() and f"{key}}}" not in name:
                tags[tag_name(key)] = key
        return tags


def _factor(text: str) -> float | None:
    try:
        factor = float(text or 1)
    except ValueError:
        raise InvalidValue(f'valueFactor "{text}" is not a number') from None
    return factor if factor != 1 else None


def _keys(pattern: ExporterPattern) -> dict[int, str]:
    """Return the key that each group stands for, its whole value or a part of it."""
    keys = {
        number: key
        for key, value in pattern.properties.items()
        for number in pattern.groups(value)[:1]
    }
    for index, number in enumerate(pattern.groups(pattern.attribute)):
        keys[number] = "attribute" if index == 0 else f"attribute_{index + 1}"
    return keys


def _shown(tokens: tuple[PatternToken, ...]) -> str:
    return "".join("*" if isinstance(token, Wildcard) else token for token in tokens)


def _line(node: Node) -> int:
    return node.span.line + 1
