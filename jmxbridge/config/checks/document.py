"""What only two places together can get wrong.

Each check takes what was read so far, valid parts of a file that may have other problems, and
reports at the place a person would change.
"""

from collections.abc import Sequence
from typing import TypeAlias

from jmxbridge.config.checks.jolokia_checks import check_jolokia, refuse_url
from jmxbridge.config.checks.located_target import LocatedTarget
from jmxbridge.config.checks.pair_check import check_pair
from jmxbridge.config.checks.rules import LocatedRule, entries
from jmxbridge.config.checks.tls_checks import check_tls
from jmxbridge.config.model.location import Path
from jmxbridge.config.model.model_reader import SectionReader
from jmxbridge.config.text.tree import Mapping, Scalar
from jmxbridge.config.values.grammar import closest

Taken: TypeAlias = dict[str, dict[str, tuple[LocatedRule, str]]]

_EXCLUDE_EACH_OTHER = (
    ("token", "token_file"),
    ("password", "password_file"),
    ("token", "username"),
    ("token_file", "username"),
    ("token", "password"),
    ("token", "password_file"),
    ("token_file", "password"),
    ("token_file", "password_file"),
)


def check_influxdb(reader: SectionReader, node: Mapping, path: Path) -> None:
    """One way to say who we are, and all of it."""
    if any(check_pair(reader, node, path, pair) for pair in _EXCLUDE_EACH_OTHER):
        return
    _check_login(reader, node, path)


def _check_login(reader: SectionReader, node: Mapping, path: Path) -> None:
    """A user name and a password belong together."""
    username = node.get("username")
    password = node.get("password") or node.get("password_file")
    if username and not password:
        said = "needs password or password_file beside it"
        reader.add(username.key, (*path, "username"), said)
    if password and not username:
        said = "needs username beside it"
        reader.add(password.key, (*path, password.key.text), said)


def check_store(reader: SectionReader, node: Mapping, path: Path) -> None:
    """Without InfluxDB nothing but age ever makes room: a paused poll would stay paused."""
    entry = node.get("when_full")
    if entry and isinstance(entry.value, Scalar) and entry.value.text == "pause":
        said = "pause needs an influxdb section: without one nothing makes room again"
        reader.add(entry.value, (*path, "when_full"), said)


def check_targets(
    reader: SectionReader,
    targets: Sequence[LocatedTarget],
    rules: Sequence[LocatedRule],
    set_names: Sequence[str] | None,
    packs: Sequence[str],
) -> None:
    """Names are unique, sets exist, tags do not hide what a rule says."""
    first: dict[str, Scalar] = {}
    taken = _names_taken(rules)
    by_pattern = {rule.set_name: rule for rule in rules if rule.captured}
    for target in targets:
        for node, name in target.texts(reader, "name"):
            if name in first:
                there = first[name].span.seen_from(node.span)
                said = f'"{name}" is already the name of the target in {there}'
                reader.add(node, (*target.path, "name"), said)
            first.setdefault(name, node)
        if set_names is not None:
            _check_collect(reader, target, set_names, packs)
        _check_tags(reader, target, taken)
        _check_transport(reader, target, by_pattern)
        _check_access(reader, target)


def refuse_discovery(reader: SectionReader, targets: Sequence[LocatedTarget]) -> None:
    """Without a cluster there is nobody to ask for its brokers."""
    for target in targets:
        entry = target.node.get("discover")
        if entry:
            said = "needs kafka: its bootstrap is asked for the brokers"
            reader.add(entry.key, (*target.path, "discover"), said)


def _check_collect(
    reader: SectionReader, target: LocatedTarget, set_names: Sequence[str], packs: Sequence[str]
) -> None:
    seen: set[str] = set()
    for index, (node, name) in enumerate(target.texts(reader, "collect")):
        path = (*target.path, "collect", index)
        if name in seen:
            reader.add(node, path, f'"{name}" is collected twice')
        elif name not in set_names and name not in packs:
            suggestion = closest(name, (*set_names, *packs))
            known = "" if suggestion else f"; there is {', '.join(set_names) or 'none'}"
            shipped = f", and of packs {', '.join(packs)}" if known and packs else ""
            said = f'no set "{name}" under mbeans{known}{shipped}'
            reader.add(node, path, said, suggestion=suggestion)
        seen.add(name)


def _names_taken(rules: Sequence[LocatedRule]) -> Taken:
    """Return for each set the names that a target's tag cannot have: by which rule, and why."""
    taken: Taken = {}
    for rule in rules:
        names = taken.setdefault(rule.set_name, {})
        for tag in rule.entry.tags:
            names.setdefault(tag, (rule, "takes this tag from a key property"))
        for _, _, name, _ in rule.field_names():
            names.setdefault(name, (rule, "has a field of this name"))
    return taken


def _check_tags(reader: SectionReader, target: LocatedTarget, taken: Taken) -> None:
    for tag, _ in entries(target.node, "tags"):
        path = (*target.path, "tags", tag.text)
        for _, name in target.texts(reader, "collect"):
            if tag.text in taken.get(name, {}):
                rule, why = taken[name][tag.text]
                reader.add(tag, path, f"the rule of {rule.seen_from(tag)} {why}")
                break


_FOLLOWS = "jmxquery follows the address the JVM advertises"
_SHOWS = "jmxquery shows a password to everybody on this machine"
_NOT_JMXQUERY = {
    "rmi_host": _FOLLOWS,
    "rmi_port": _FOLLOWS,
    "username": _SHOWS,
    "password": _SHOWS,
    "password_file": _SHOWS,
    "tls": "jmxquery has no settings for TLS",
}


def _check_access(reader: SectionReader, target: LocatedTarget) -> None:
    """One password, with its user; a key with its certificate; one address of the server."""
    if not check_pair(reader, target.node, target.path, ("password", "password_file")):
        _check_login(reader, target.node, target.path)
    check_tls(reader, target.node, target.path)
    named = any(
        text.startswith("service:jmx:rmi://") and not text.startswith("service:jmx:rmi:///")
        for _, text in target.texts(reader, "jmx")
    )
    for name in ("rmi_host", "rmi_port"):
        entry = target.node.get(name)
        if entry and named:
            said = "the long form under jmx names the server's address already: keep one"
            reader.add(entry.key, (*target.path, name), said)


def _check_transport(
    reader: SectionReader, target: LocatedTarget, by_pattern: dict[str, LocatedRule]
) -> None:
    transport = next((name for _, name in target.texts(reader, "transport")), "rmi")
    if transport == "jolokia":
        check_jolokia(reader, target)
    else:
        refuse_url(reader, target)
    if transport != "jmxquery":
        return
    for key, why in _NOT_JMXQUERY.items():
        entry = target.node.get(key)
        if entry:
            reader.add(entry.key, (*target.path, key), f"{why}: leave it out, or the transport")
    for index, (node, name) in enumerate(target.texts(reader, "collect")):
        if name in by_pattern:
            there = by_pattern[name].seen_from(node)
            said = f"jmxquery cannot ask by pattern, as the rule of {there} does"
            reader.add(node, (*target.path, "collect", index), said)
