"""Telegraf's jolokia2_agent inputs and its InfluxDB outputs, as targets, rules and `influxdb:`.

Of a metric: `name` is the measurement, `tag_keys` are tags, and a field is called `field_prefix`,
then `field_name` or the attribute, with `$1` for the first key property that is a pattern
(Telegraf's `plugins/common/jolokia2`). Without `paths` Telegraf reads every attribute: so
does the rule.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from jmxbridge.config.malformed import Malformed
from jmxbridge.config.migration.draft import (
    MEMORY_ATTRIBUTES,
    MEMORY_USAGE,
    Draft,
    DraftRule,
    DraftTarget,
    Section,
    escaped,
    literal,
    tag_name,
)
from jmxbridge.jmx.object_name import MalformedObjectName, ObjectName

INPUT = "inputs.jolokia2_agent"
_HEADER = re.compile(r"^\s*\[{1,2}\s*([^\]\s]+)\s*\]{1,2}", re.MULTILINE)
_VARIABLE = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")
_SUBSTITUTE = re.compile(r"\$(\d)")
# What an input may say of its points that a rule does not.
FILTERS = (
    *("namepass", "namedrop", "fieldpass", "fielddrop", "fieldinclude", "fieldexclude"),
    *("tagpass", "tagdrop", "taginclude", "tagexclude"),
)


def read_telegraf(text: str) -> Draft:
    """Read a telegraf.conf; raises Malformed."""
    try:
        # Telegraf also takes a variable without braces.
        config = tomllib.loads(_VARIABLE.sub(r"${\1}", text))
    except tomllib.TOMLDecodeError as error:
        raise Malformed(f"not TOML: {error}") from None
    return _Reader(config, text).draft


class _Reader:
    """One file; what is read of it is in `draft`."""

    def __init__(self, config: Mapping[str, Any], text: str) -> None:
        self.draft = Draft()
        self._lines = _table_lines(text)
        self._seen: dict[str, int] = {}
        self._agent(config.get("agent", {}))
        for group in ("outputs", "inputs", "processors", "aggregators"):
            for name, tables in config.get(group, {}).items():
                for table in tables if isinstance(tables, list) else [tables]:
                    self._plugin(f"{group}.{name}", table)

    def _line(self, header: str) -> int:
        """Return the line of the next table of that name."""
        number = self._seen.get(header, 0)
        self._seen[header] = number + 1
        lines = self._lines.get(header, [])
        return lines[number] if number < len(lines) else 1

    def _agent(self, agent: Mapping[str, Any]) -> None:
        if "interval" in agent:
            line = self._line("agent")
            self.draft.sections.append(Section(line, "interval", str(agent["interval"])))

    def _plugin(self, header: str, table: Mapping[str, Any]) -> None:
        line = self._line(header)
        read = {
            INPUT: self._input,
            "outputs.influxdb": self._influxdb,
            "outputs.influxdb_v2": self._influxdb,
        }.get(header)
        if read is not None:
            read(line, table)
        elif header == "inputs.burrow":
            self.draft.leave(line, f"{header}: kafka.bootstrap computes lag without Burrow")
        else:
            self.draft.leave(line, f"{header}: stays with Telegraf")

    def _influxdb(self, line: int, table: Mapping[str, Any]) -> None:
        urls = [str(url) for url in table.get("urls", [])]
        if self.draft.section("influxdb") or not urls:
            said = "a second InfluxDB" if urls else "an InfluxDB without urls"
            self.draft.leave(line, f"{said}: one is written to")
            return
        if urls[1:]:
            self.draft.leave(line, f"{', '.join(urls[1:])}: one address of InfluxDB is written to")
        bucket = str(table.get("bucket") or table.get("database") or "telegraf")
        if table.get("retention_policy"):
            bucket += f"/{table['retention_policy']}"
        influxdb: dict[str, object] = {"url": literal(urls[0]), "bucket": literal(bucket)}
        if table.get("organization"):
            influxdb["org"] = literal(str(table["organization"]))
        if table.get("token"):
            influxdb |= self.draft.secret(line, "influxdb", "token", str(table["token"]))
        if table.get("username"):
            password = str(table.get("password", ""))
            influxdb |= self.draft.login(line, "influxdb", str(table["username"]), password)
        self.draft.sections.append(Section(line, "influxdb", influxdb))

    def _input(self, line: int, table: Mapping[str, Any]) -> None:
        set_name = f"telegraf-{self._seen[INPUT]}"
        for metric in table.get("metric", []):
            rule_line = self._line(f"{INPUT}.metric")
            try:
                entries = list(_Metric(table, metric).entries())
            except Malformed as error:
                self.draft.leave(rule_line, f"metric {metric.get('name', '')}: {error}")
                continue
            self.draft.rules += [DraftRule(rule_line, set_name, entry) for entry in entries]
        for key in FILTERS:
            if key in table:
                self.draft.leave(line, f"{key} has no counterpart: rules name what they take")
        for number, url in enumerate(table.get("urls", []), 1):
            self._target(line, set_name, str(url), number, table)

    def _target(
        self, line: int, set_name: str, url: str, number: int, table: Mapping[str, Any]
    ) -> None:
        name = f"{set_name}-{number}"
        target: dict[str, object] = {"name": name, **jolokia(url)}
        if table.get("username"):
            password = str(table.get("password", ""))
            target |= self.draft.login(line, f"target {name}", str(table["username"]), password)
        files = {"tls_ca": "ca_file", "tls_cert": "cert_file", "tls_key": "key_file"}
        tls = {ours: str(table[theirs]) for theirs, ours in files.items() if table.get(theirs)}
        if table.get("insecure_skip_verify"):
            self.draft.leave(line, "insecure_skip_verify: certificates are always verified")
        if tls:
            target["tls"] = tls
        tags = table.get("tags", {})
        if tags:
            target["tags"] = {tag_name(key): literal(str(value)) for key, value in tags.items()}
        self.draft.targets.append(DraftTarget(line, set_name, target))


class _Metric:
    """One `metric` table: what it reads of an MBean, and what that is called."""

    def __init__(self, table: Mapping[str, Any], metric: Mapping[str, Any]) -> None:
        def option(key: str, otherwise: str) -> str:
            return str(metric.get(key, table.get(f"default_{key}", otherwise)))

        self._prefix = option("field_prefix", "")
        self._separator = option("field_separator", ".")
        self._tag_prefix = option("tag_prefix", "")
        self._field_name = str(metric.get("field_name", ""))
        self._paths = [str(path) for path in metric.get("paths", [])]
        self._tags = [str(key) for key in metric.get("tag_keys", [])]
        self._bean = str(metric.get("mbean", ""))
        name = table.get("name_override") or metric.get("name", "")
        self._measurement = f"{table.get('name_prefix', '')}{name}{table.get('name_suffix', '')}"
        try:
            parsed = ObjectName.parse(self._bean)
        except MalformedObjectName as error:
            raise Malformed(f"mbean {self._bean}: {error}") from None
        self._patterns = [key for key, value in parsed.properties.items() if "*" in value]
        self._has_memory = parsed.value("type") in ("Memory", "MemoryPool")

    def entries(self) -> Iterator[dict[str, object]]:
        """Yield the rules it becomes; raises Malformed."""
        if self._paths:
            yield self._entry({path: name for path, name in map(self._path, self._expanded())})
            return
        if self._field_name:
            # Every attribute would get that one name: it is meant for MBeans of a single Value.
            yield self._entry({"Value": self._named(self._field_name)})
            return
        yield self._entry({"{attribute}": f"{self._named('')}{{=attribute}}"})
        if self._has_memory:
            usages = sorted(MEMORY_ATTRIBUTES)
            paths = [f"{usage}/{item}" for usage in usages for item in MEMORY_USAGE]
            yield self._entry({path: name for path, name in map(self._path, paths)})

    def _entry(self, fields: Mapping[str, str]) -> dict[str, object]:
        entry: dict[str, object] = {
            "bean": literal(self._bean),
            "measurement": literal(self._measurement),
            "optional": True,
        }
        if self._tags:
            entry["tags"] = {f"{self._tag_prefix}{tag_name(key)}": key for key in self._tags}
        return {**entry, "fields": fields}

    def _expanded(self) -> Iterator[str]:
        """Yield the paths; a composite of the JVM's own becomes its items."""
        for path in self._paths:
            if path in MEMORY_ATTRIBUTES:
                yield from (f"{path}/{item}" for item in MEMORY_USAGE)
            else:
                yield path

    def _path(self, path: str) -> tuple[str, str]:
        """Return a path as a rule has it, and the field's name."""
        names = path.split("/")
        return ".".join(map(escaped, names)), self._named(
            self._field_name or self._separator.join(names)
        )

    def _named(self, name: str) -> str:
        """Put the prefix before a name, and key properties for `$1` to `$9`."""

        def key(match: re.Match[str]) -> str:
            number = int(match[1]) - 1
            if not 0 <= number < len(self._patterns):
                raise Malformed(f"{match[0]} stands for no key property of {self._bean}")
            return f"{{={self._patterns[number]}}}"

        return _SUBSTITUTE.sub(key, literal(self._prefix + name))


def jolokia(url: str) -> dict[str, object]:
    """Return how a target says that it is read through this Jolokia agent."""
    return {"transport": "jolokia", "jmx": literal(url)}


def _table_lines(text: str) -> dict[str, list[int]]:
    """Return the lines at which each table begins, by its name."""
    lines: dict[str, list[int]] = {}
    for match in _HEADER.finditer(text):
        lines.setdefault(match[1], []).append(text.count("\n", 0, match.start(1)) + 1)
    return lines
