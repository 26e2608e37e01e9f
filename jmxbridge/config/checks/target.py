"""Checks of targets: names, sets, tags, and what each transport can be told."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from jmxbridge.config.checks.access import check_login, check_tls
from jmxbridge.config.checks.rules import LocatedRule
from jmxbridge.config.model.location import Path
from jmxbridge.config.model.model_reader import ModelReader
from jmxbridge.config.text import tree
from jmxbridge.config.text.tree import Node, Scalar, entries_at
from jmxbridge.config.values.grammar import closest

TakenNames: TypeAlias = dict[str, dict[str, tuple[LocatedRule, str]]]
"""Set → name that a target's tag cannot have → the rule that has it, and why."""


@dataclass(frozen=True, slots=True)
class LocatedTarget:
    """An entry under `targets:` and where it stands, valid or not."""

    node: tree.Mapping
    path: Path

    def texts(self, reader: ModelReader, key: str) -> Iterator[tuple[Scalar, str]]:
        """Yield the texts under a key, one or a list of them; what is reported is left out."""
        entry = self.node.get(key)
        for node in _items(entry.value) if entry else ():
            text = reader.text(node)
            if text is not None and isinstance(node, Scalar):
                yield node, text


def _items(node: Node) -> tuple[Node, ...]:
    if isinstance(node, Scalar):
        return (node,)
    return node.items if isinstance(node, tree.Sequence) else ()


def check_targets(
    reader: ModelReader,
    targets: Sequence[LocatedTarget],
    rules: Sequence[LocatedRule],
    set_names: Sequence[str] | None,
    packs: Sequence[str],
) -> None:
    """Report what is wrong with targets: among themselves, and with the rules they collect.

    Without `set_names` the sets of the file are unknown, and what a target collects is not judged.
    """
    first: dict[str, Scalar] = {}
    taken = _taken_names(rules)
    by_pattern = {rule.set_name: rule for rule in rules if rule.captured}
    for target in targets:
        for node, name in target.texts(reader, "name"):
            if name in first:
                place = first[name].span.seen_from(node.span)
                message = f'"{name}" is already the name of the target in {place}'
                reader.add(node, (*target.path, "name"), message)
            first.setdefault(name, node)
        if set_names is not None:
            _check_collect(reader, target, set_names, packs)
        _check_tags(reader, target, taken)
        _check_transport(reader, target, by_pattern)
        check_login(reader, target.node, target.path)
        check_tls(reader, target.node, target.path)
        _check_server_address(reader, target)


def _check_collect(
    reader: ModelReader, target: LocatedTarget, set_names: Sequence[str], packs: Sequence[str]
) -> None:
    """Each set exists, and is collected once."""
    seen: set[str] = set()
    for index, (node, name) in enumerate(target.texts(reader, "collect")):
        path = (*target.path, "collect", index)
        if name in seen:
            reader.add(node, path, f'"{name}" is collected twice')
        elif name not in set_names and name not in packs:
            suggestion = closest(name, (*set_names, *packs))
            known = "" if suggestion else f"; known sets: {', '.join(set_names) or 'none'}"
            shipped = f"; packs: {', '.join(packs)}" if known and packs else ""
            message = f'no set "{name}" under mbeans{known}{shipped}'
            reader.add(node, path, message, suggestion=suggestion)
        seen.add(name)


def _taken_names(rules: Sequence[LocatedRule]) -> TakenNames:
    taken: TakenNames = {}
    for rule in rules:
        names = taken.setdefault(rule.set_name, {})
        for tag in rule.entry.tags:
            names.setdefault(tag, (rule, "takes this tag from a key property"))
        for _, _, name, _ in rule.field_names():
            names.setdefault(name, (rule, "has a field of this name"))
    return taken


def _check_tags(reader: ModelReader, target: LocatedTarget, taken: TakenNames) -> None:
    """A target's tag hides no tag and no field of a rule it collects."""
    for entry in entries_at(target.node, "tags"):
        tag = entry.key
        path = (*target.path, "tags", tag.text)
        for _, name in target.texts(reader, "collect"):
            if tag.text in taken.get(name, {}):
                rule, reason = taken[name][tag.text]
                reader.add(tag, path, f"the rule at {rule.seen_from(tag)} {reason}")
                break


def _check_server_address(reader: ModelReader, target: LocatedTarget) -> None:
    """The address of the JMX server is given once: in the long form of `jmx`, or by its keys."""
    is_named = any(
        text.startswith("service:jmx:rmi://") and not text.startswith("service:jmx:rmi:///")
        for _, text in target.texts(reader, "jmx")
    )
    for name in ("rmi_host", "rmi_port"):
        entry = target.node.get(name)
        if entry and is_named:
            message = "the long form under jmx names the server's address already: keep one"
            reader.add(entry.key, (*target.path, name), message)


def _check_transport(
    reader: ModelReader, target: LocatedTarget, by_pattern: Mapping[str, LocatedRule]
) -> None:
    transport = next((name for _, name in target.texts(reader, "transport")), "rmi")
    if transport == "jolokia":
        _check_jolokia(reader, target)
    else:
        _refuse_url(reader, target)
    if transport == "jmxquery":
        _check_jmxquery(reader, target, by_pattern)


def _check_jolokia(reader: ModelReader, target: LocatedTarget) -> None:
    """`jmx` is an agent's address, http or https but not both; HTTP can carry the login."""
    for name in ("rmi_host", "rmi_port"):
        entry = target.node.get(name)
        if entry:
            message = "only for transport rmi: a Jolokia agent advertises no other address"
            reader.add(entry.key, (*target.path, name), message)
    tls = target.node.get("tls")
    for node, text in target.texts(reader, "jmx"):
        if text.startswith("service:jmx:"):
            message = "is an RMI address; a Jolokia agent's is HOST:PORT, or a URL"
            reader.add(node, (*target.path, "jmx"), message)
        if tls and text.lower().startswith("http:"):
            message = "the URL says http: write https there, or leave tls out"
            reader.add(tls.key, (*target.path, "tls"), message)
    registry = tls.value.get("registry") if tls and isinstance(tls.value, tree.Mapping) else None
    if registry:
        message = "only for transport rmi: a Jolokia agent has no registry"
        reader.add(registry.key, (*target.path, "tls", "registry"), message)
    for node, name in target.texts(reader, "username"):
        if ":" in name:  # RFC 7617, section 2
            message = "HTTP cannot send a user name that contains a colon"
            reader.add(node, (*target.path, "username"), message, position=name.index(":"))


def _refuse_url(reader: ModelReader, target: LocatedTarget) -> None:
    """Only a Jolokia agent is at a URL, and `transport` must say that it is one."""
    for node, text in target.texts(reader, "jmx"):
        if text.lower().startswith(("http:", "https:")):
            message = "a URL is a Jolokia agent's: add transport: jolokia, or write HOST:PORT"
            reader.add(node, (*target.path, "jmx"), message)


_FOLLOWS = "jmxquery follows the address the JVM advertises"
_SHOWS = "jmxquery shows the password to every user of this machine"
_NOT_JMXQUERY = {
    "rmi_host": _FOLLOWS,
    "rmi_port": _FOLLOWS,
    "username": _SHOWS,
    "password": _SHOWS,
    "password_file": _SHOWS,
    "tls": "jmxquery has no settings for TLS",
}


def _check_jmxquery(
    reader: ModelReader, target: LocatedTarget, by_pattern: Mapping[str, LocatedRule]
) -> None:
    """Report keys and rules that jmxquery, a separate process, cannot honour."""
    for key, reason in _NOT_JMXQUERY.items():
        entry = target.node.get(key)
        if entry:
            message = f"{reason}: remove this key, or the transport"
            reader.add(entry.key, (*target.path, key), message)
    for index, (node, name) in enumerate(target.texts(reader, "collect")):
        if name in by_pattern:
            place = by_pattern[name].seen_from(node)
            message = f"jmxquery cannot read attributes by pattern, as the rule at {place} does"
            reader.add(node, (*target.path, "collect", index), message)
