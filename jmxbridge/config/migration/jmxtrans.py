"""Reader of jmxtrans' servers and queries, as targets and rules.

In a query, `obj` is the ObjectName, `attr` the attributes (none: all), `resultAlias` the
measurement, `typeNames` the key properties that tell MBeans apart. The file is JSON; it is read as
YAML, which includes JSON, because that gives line numbers.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import chain, count

from jmxbridge.config.migration.draft import (
    MEMORY_ATTRIBUTES,
    MEMORY_USAGE,
    Draft,
    DraftRule,
    DraftSection,
    DraftTarget,
    WrongFile,
    escaped,
    literal,
    tag_name,
    without_login,
)
from jmxbridge.config.text.tree import Mapping as Object
from jmxbridge.config.text.tree import Node, Scalar, Sequence, text_at, value_at
from jmxbridge.config.text.yaml_parser import NotYaml, compose
from jmxbridge.config.values.quantity import format_duration
from jmxbridge.jmx.object_name import MalformedObjectName, ObjectName
from jmxbridge.mbeans.naming import snake_case

INFLUX_WRITER = "InfluxDbWriterFactory"
# Keys of a server that are read below, or that only tune jmxtrans itself.
SERVER_KEYS = {
    *("host", "port", "url", "alias", "username", "password", "queries", "outputWriters"),
    *("runPeriodSeconds", "numQueryThreads", "cronExpression"),
}
# Keys of a writer that are read below, or that choose what jmxtrans adds to an MBean's own keys.
WRITER_KEYS = {
    *("@class", "url", "database", "retentionPolicy", "username", "password", "tags"),
    *("resultTags", "createDatabase", "writeConsistency", "typeNames", "debugEnabled", "settings"),
}
QUERY_KEYS = {"obj", "attr", "resultAlias", "typeNames", "keys", "outputWriters", "useAllTypeNames"}


def read_jmxtrans(text: str) -> Draft:
    """Read a file of jmxtrans; raises WrongFile."""
    try:
        # JSON has tabs only between tokens, where YAML allows none.
        root = compose(text.replace("\t", " ")).root
    except NotYaml as error:
        raise WrongFile(f"line {error.fault.span.line + 1}: {error.fault.message}") from None
    servers = _items(value_at(root, "servers"))
    if not servers:
        raise WrongFile('no "servers" in it: is this a file of jmxtrans?')
    reader = _JmxtransReader()
    for server in servers:
        reader.server(server)
    return reader.draft


class _JmxtransReader:
    """Reads the servers of one file into `draft`."""

    def __init__(self) -> None:
        self.draft = Draft()
        self._names: set[str] = set()

    def server(self, server: Node) -> None:
        line = _line(server)
        host, port = text_at(server, "host"), text_at(server, "port")
        address = text_at(server, "url") or f"{host}:{port}"
        name = self._own_name(text_at(server, "alias"), address)
        set_name = f"jmxtrans-{len(self.draft.targets) + 1}"
        self._interval(server, line)
        self._unread(server, SERVER_KEYS, f"server {name}")
        tags: dict[str, str] = {}
        for writer in _items(value_at(server, "outputWriters")):
            tags |= self._writer(writer)
        for query in _items(value_at(server, "queries")):
            self._query(query, set_name)
            for writer in _items(value_at(query, "outputWriters")):
                for tag in self._writer(writer):
                    reason = f"tag {tag}: only targets have tags of their own"
                    self.draft.leave_out(_line(writer), reason)
        target: dict[str, object] = {"name": literal(name), "jmx": literal(address)}
        if tags:
            target["tags"] = tags
        if text_at(server, "username"):
            password = text_at(server, "password")
            target |= self.draft.login(
                line, f"target {name}", text_at(server, "username"), password
            )
        self.draft.targets.append(DraftTarget(line, set_name, target))

    def _own_name(self, alias: str, address: str) -> str:
        """Return a name that no earlier server has: the alias, with the address, with a number.

        Servers share an alias and an address where each has some of the queries.
        """
        names = (alias, f"{alias}-{address}") if alias else (address,)
        numbered = (f"{names[-1]}-{number}" for number in count(2))
        name = next(name for name in chain(names, numbered) if name not in self._names)
        self._names.add(name)
        return name

    def _interval(self, server: Node, line: int) -> None:
        seconds = text_at(server, "runPeriodSeconds")
        if re.fullmatch(r"[1-9][0-9]{0,5}", seconds):
            interval = format_duration(float(seconds))
            if self.draft.section("interval") is None:
                self.draft.sections.append(DraftSection(line, "interval", interval))
            elif self.draft.section("interval") != interval:
                reason = f"runPeriodSeconds {seconds}: all servers share one interval"
                self.draft.leave_out(line, reason)
        if text_at(server, "cronExpression"):
            self.draft.leave_out(line, "cronExpression has no counterpart: polls have an interval")

    def _unread(self, node: Node, known: set[str], subject: str) -> None:
        for entry in node.entries if isinstance(node, Object) else ():
            if entry.key.text not in known:
                reason = f"{subject}: {entry.key.text} has no counterpart"
                self.draft.leave_out(entry.key.span.line + 1, reason)

    def _query(self, query: Node, set_name: str) -> None:
        line = _line(value_at(query, "obj") or query)
        bean = text_at(query, "obj")
        self._unread(query, QUERY_KEYS, f"query {bean}")
        try:
            name = ObjectName.parse(bean)
        except MalformedObjectName as error:
            self.draft.leave_out(line, f"query {bean}: {error}")
            return
        measurement = text_at(query, "resultAlias")
        if not measurement:
            measurement = f"{snake_case(name.domain)}_{snake_case(name.value('type') or '')}"
        entry: dict[str, object] = {"bean": literal(bean), "measurement": literal(measurement)}
        tags = self._tags(query, name, line)
        if tags:
            entry["tags"] = tags
        entry["optional"] = True
        entry["fields"] = self._fields(query)
        self.draft.rules.append(DraftRule(line, set_name, entry))

    def _tags(self, query: Node, name: ObjectName, line: int) -> dict[str, str]:
        """Return a tag for each key that tells MBeans apart: type names, and other patterns."""
        keys = []
        for key in _texts(query, "typeNames"):
            if key in name.properties or name.is_property_list_pattern:
                keys.append(key)
            else:
                self.draft.leave_out(line, f"typeNames: {name} has no key property {key}")
        if text_at(query, "useAllTypeNames") == "true":
            keys += name.properties
        keys += [key for key, value in name.properties.items() if "*" in value or "?" in value]
        return {tag_name(key): key for key in dict.fromkeys(keys)}

    def _fields(self, query: Node) -> Mapping[str, str]:
        attributes = _texts(query, "attr")
        keys = _texts(query, "keys")
        if not attributes:
            return {"{attribute}": "{=attribute}"}
        return dict(field for attribute in attributes for field in _fields_of(attribute, keys))

    def _writer(self, writer: Node) -> dict[str, str]:
        """Read an InfluxDB writer; return the tags that it adds to points."""
        line = _line(writer)
        kind = text_at(writer, "@class").rpartition(".")[2]
        if kind != INFLUX_WRITER:
            self.draft.leave_out(line, f"{kind or 'a writer'}: points are sent to InfluxDB only")
            return {}
        self._unread(writer, WRITER_KEYS, kind)
        url, *login = without_login(text_at(writer, "url").rstrip("/"))
        database = text_at(writer, "database")
        if text_at(writer, "retentionPolicy"):
            database += f"/{text_at(writer, 'retentionPolicy')}"
        tags = value_at(writer, "tags")
        own_tags = {
            tag_name(entry.key.text): literal(entry.value.text)
            for entry in (tags.entries if isinstance(tags, Object) else ())
            if isinstance(entry.value, Scalar)
        }
        known = self.draft.section("influxdb")
        if isinstance(known, dict):
            if (known["url"], known["bucket"]) != (literal(url), literal(database)):
                self.draft.leave_out(line, f"{url}, {database}: there is only one InfluxDB")
            return own_tags
        influxdb: dict[str, object] = {"url": literal(url), "bucket": literal(database)}
        username, password = text_at(writer, "username"), text_at(writer, "password")
        if not username:
            username, password = login
        if username:
            influxdb |= self.draft.login(line, "influxdb", username, password)
        self.draft.sections.append(DraftSection(line, "influxdb", influxdb))
        return own_tags


def _fields_of(attribute: str, keys: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the paths and names of an attribute: of its named items, or a MemoryUsage's four."""
    items = keys or (MEMORY_USAGE if attribute in MEMORY_ATTRIBUTES else ())
    for item in items:
        yield f"{escaped(attribute)}.{escaped(item)}", f"{attribute}_{item}"
    if not items:
        yield escaped(attribute), attribute


def _items(node: Node | None) -> list[Node]:
    """Return the items of a list; a single value is a list of one."""
    if node is None:
        return []
    return list(node.items) if isinstance(node, Sequence) else [node]


def _texts(node: Node, key: str) -> list[str]:
    return [item.text for item in _items(value_at(node, key)) if isinstance(item, Scalar)]


def _line(node: Node) -> int:
    return node.span.line + 1
