"""Reader of Telegraf's jolokia2 inputs and InfluxDB outputs, as targets, rules and `influxdb:`.

In a metric, `name` is the measurement and `tag_keys` are tags. A field's name is `field_prefix`,
then `field_name` or the attribute, with `$1` for the first key property that is a pattern
(Telegraf's `plugins/common/jolokia2`). Without `paths` Telegraf reads every attribute, and so does
the rule. The JVMs of a jolokia2_proxy are read at their own JMX ports.
"""

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from jmxbridge.config.migration.draft import (
    MEMORY_ATTRIBUTES,
    MEMORY_USAGE,
    Draft,
    DraftRule,
    DraftSection,
    DraftTarget,
    NotMigratable,
    WrongFile,
    escaped,
    literal,
    tag_name,
    without_login,
)
from jmxbridge.config.text.problem import InvalidValue
from jmxbridge.config.values.quantity import parse_duration
from jmxbridge.jmx.object_name import MalformedObjectName, ObjectName

INPUT = "inputs.jolokia2_agent"
PROXY = "inputs.jolokia2_proxy"
# Telegraf's default.
INTERVAL = "10s"
_HEADER = re.compile(r"^\s*\[{1,2}\s*([^\]\s]+)\s*\]{1,2}", re.MULTILINE)
_VARIABLE = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")
_SUBSTITUTE = re.compile(r"\$(\d)")
# Keys that choose among the points of an input; a rule has none of them.
FILTERS = (
    *("namepass", "namedrop", "fieldpass", "fielddrop", "fieldinclude", "fieldexclude"),
    *("tagpass", "tagdrop", "taginclude", "tagexclude"),
)
DEFAULTS = ("default_field_prefix", "default_field_separator", "default_tag_prefix")
TLS_FILES = {"tls_ca": "ca_file", "tls_cert": "cert_file", "tls_key": "key_file"}
# Keys that are read below, or that do not change what is written.
INPUT_KEYS = {
    *("urls", "username", "password", *TLS_FILES, "insecure_skip_verify", "metric", "tags"),
    *("name_prefix", "name_override", "name_suffix", "interval", *DEFAULTS, *FILTERS),
    *("response_timeout", "alias", "collection_jitter", "precision"),
}
PROXY_KEYS = (INPUT_KEYS - {"urls", *TLS_FILES}) | {
    *("url", "target", "default_target_username", "default_target_password"),
}
METRIC_KEYS = {
    *("name", "mbean", "paths", "tag_keys"),
    *("tag_prefix", "field_prefix", "field_name", "field_separator"),
}


def read_telegraf(text: str) -> Draft:
    """Read a telegraf.conf; raises WrongFile."""
    try:
        # Telegraf also replaces variables without braces.
        config = tomllib.loads(_VARIABLE.sub(r"${\1}", text))
    except tomllib.TOMLDecodeError as error:
        raise WrongFile(f"not TOML: {error}") from None
    return _TelegrafReader(config, text).draft


class _TelegrafReader:
    """Reads the tables of one file into `draft`."""

    def __init__(self, config: Mapping[str, Any], text: str) -> None:
        self.draft = Draft()
        self._lines = _table_lines(text)
        self._seen: dict[str, int] = {}
        self._interval = INTERVAL
        for table in _tables(config.get("agent")):
            self._agent(table)
        self._tags: dict[str, Any] = {}
        for header in ("global_tags", "tags"):
            for table in _tables(config.get(header)):
                self._tags |= table
        for group in ("outputs", "inputs", "processors", "aggregators"):
            for plugins in _tables(config.get(group)):
                for name, tables in plugins.items():
                    for table in _tables(tables):
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
            self._interval = str(agent["interval"])
            self.draft.sections.append(DraftSection(line, "interval", self._interval))

    def _plugin(self, header: str, table: Mapping[str, Any]) -> None:
        line = self._line(header)
        read = {
            INPUT: self._agents,
            PROXY: self._proxy,
            "outputs.influxdb": self._influxdb,
            "outputs.influxdb_v2": self._influxdb,
        }.get(header)
        if read is not None:
            read(line, table)
        elif header == "inputs.burrow":
            self.draft.leave_out(line, f"{header}: kafka.bootstrap computes lag without Burrow")
        else:
            self.draft.leave_out(line, f"{header}: stays with Telegraf")

    def _influxdb(self, line: int, table: Mapping[str, Any]) -> None:
        logins = [without_login(url) for url in _texts(table.get("urls"))]
        urls = [url for url, _, _ in logins]
        if self.draft.section("influxdb") or not urls:
            reason = "a second InfluxDB: there is only one" if urls else "an InfluxDB without urls"
            self.draft.leave_out(line, reason)
            return
        if urls[1:]:
            reason = f"{', '.join(urls[1:])}: InfluxDB has only one address"
            self.draft.leave_out(line, reason)
        bucket = str(table.get("bucket") or table.get("database") or "telegraf")
        if table.get("retention_policy"):
            bucket += f"/{table['retention_policy']}"
        influxdb: dict[str, object] = {"url": literal(urls[0]), "bucket": literal(bucket)}
        if table.get("organization"):
            influxdb["org"] = literal(str(table["organization"]))
        if table.get("token"):
            influxdb |= self.draft.secret(line, "influxdb", "token", str(table["token"]))
        influxdb |= self._login(line, "influxdb", table, logins[0])
        self.draft.sections.append(DraftSection(line, "influxdb", influxdb))

    def _agents(self, line: int, table: Mapping[str, Any]) -> None:
        set_name = f"telegraf-{self._seen[INPUT]}"
        self._input(line, INPUT, set_name, table, INPUT_KEYS)
        files = {ours: str(table[theirs]) for theirs, ours in TLS_FILES.items() if theirs in table}
        tls = {key: file for key, file in files.items() if file}
        for number, given in enumerate(_texts(table.get("urls")), 1):
            name = f"{set_name}-{number}"
            url, *login = without_login(given)
            target = {"name": name, **jolokia(url)}
            target |= self._login(line, f"target {name}", table, (url, *login))
            if tls and url.lower().startswith("http:"):
                self.draft.leave_out(line, f"TLS of {url}: the URL says http, which has none")
            elif tls:
                target["tls"] = tls
            self._target(line, set_name, target, table)

    def _proxy(self, line: int, table: Mapping[str, Any]) -> None:
        set_name = f"telegraf-proxy-{self._seen[PROXY]}"
        self._input(line, PROXY, set_name, table, PROXY_KEYS)
        proxy, _, _ = without_login(str(table.get("url", "")))
        reason = f"the proxy {proxy}: its targets are read at their own JMX ports"
        self.draft.leave_out(line, reason)
        default = {key: table.get(f"default_target_{key}", "") for key in ("username", "password")}
        for number, proxied in enumerate(_tables(table.get("target")), 1):
            name = f"{set_name}-{number}"
            target_line = self._line(f"{PROXY}.target")
            url, *login = without_login(str(proxied.get("url", "")))
            options = {**default, **proxied}
            target: dict[str, object] = {"name": name, "jmx": literal(url)}
            target |= self._login(target_line, f"target {name}", options, (url, *login))
            self._target(target_line, set_name, target, table)

    def _input(
        self,
        line: int,
        header: str,
        set_name: str,
        table: Mapping[str, Any],
        known: Collection[str],
    ) -> None:
        """Read the metrics of an input of either kind, and their interval."""
        every = self._every(line, table)
        for metric in _tables(table.get("metric")):
            rule_line = self._line(f"{header}.metric")
            subject = f"metric {metric.get('name', '')}"
            self._unread(rule_line, f"{subject}: ", metric, METRIC_KEYS)
            try:
                rule = _TelegrafMetric(table, metric)
                entries = [{**entry, **every} for entry in rule.entries()]
            except NotMigratable as error:
                self.draft.leave_out(rule_line, f"{subject}: {error}")
                continue
            for key in rule.lost_tags:
                self.draft.leave_out(rule_line, f"tag {key}: {rule.bean} has no such key property")
            self.draft.rules += [DraftRule(rule_line, set_name, entry) for entry in entries]
        for key in FILTERS:
            if key in table:
                self.draft.leave_out(line, f"{key} has no counterpart: rules name what they read")
        if table.get("insecure_skip_verify"):
            self.draft.leave_out(line, "insecure_skip_verify: certificates are always verified")
        self._unread(line, "", table, known)

    def _unread(
        self, line: int, prefix: str, table: Mapping[str, Any], known: Collection[str]
    ) -> None:
        for key in table:
            if key not in known:
                self.draft.leave_out(line, f"{prefix}{key} has no counterpart")

    def _every(self, line: int, table: Mapping[str, Any]) -> dict[str, object]:
        """Return the `every` of an input's rules, where that is longer than the interval."""
        every = str(table.get("interval", self._interval))
        try:
            if parse_duration(every) > parse_duration(self._interval):
                return {"every": every}
        except InvalidValue:
            pass
        if every != self._interval:
            reason = f"interval {every}: `every` cannot be shorter than the interval"
            self.draft.leave_out(line, reason)
        return {}

    def _login(
        self, line: int, where: str, table: Mapping[str, Any], url: tuple[str, ...]
    ) -> dict[str, object]:
        """Return the login of a table, or else the one in its URL."""
        username = str(table.get("username") or "")
        password = str(table.get("password") or "")
        if not username:
            _, username, password = url
        return self.draft.login(line, where, username, password) if username else {}

    def _target(
        self, line: int, set_name: str, target: dict[str, object], table: Mapping[str, Any]
    ) -> None:
        tags = dict(self._tags)
        for own_tags in _tables(table.get("tags")):
            tags |= own_tags
        if tags:
            target["tags"] = {tag_name(key): literal(str(value)) for key, value in tags.items()}
        self.draft.targets.append(DraftTarget(line, set_name, target))


class _TelegrafMetric:
    """One `metric` table: the attributes that it reads of an MBean, and their names."""

    def __init__(self, table: Mapping[str, Any], metric: Mapping[str, Any]) -> None:
        def option(key: str, otherwise: str) -> str:
            return str(metric.get(key, table.get(f"default_{key}", otherwise)))

        self._prefix = option("field_prefix", "")
        self._separator = option("field_separator", ".")
        self._tag_prefix = option("tag_prefix", "")
        self._field_name = str(metric.get("field_name", ""))
        self._paths = _texts(metric.get("paths"))
        self.bean = str(metric.get("mbean", ""))
        name = table.get("name_override") or metric.get("name", "")
        self._measurement = f"{table.get('name_prefix', '')}{name}{table.get('name_suffix', '')}"
        try:
            parsed = ObjectName.parse(self.bean)
        except MalformedObjectName as error:
            raise NotMigratable(f"mbean {self.bean}: {error}") from None
        keys = _texts(metric.get("tag_keys"))
        # Telegraf writes no tag for a key that an MBean lacks.
        has_any = parsed.is_property_list_pattern
        self._tags = [key for key in keys if has_any or key in parsed.properties]
        self.lost_tags = [key for key in keys if key not in self._tags]
        self._patterns = [key for key, value in parsed.properties.items() if "*" in value]
        self._has_memory = parsed.value("type") in ("Memory", "MemoryPool")

    def entries(self) -> Iterator[dict[str, object]]:
        """Yield the rules it becomes; raises NotMigratable."""
        if self._paths:
            yield self._entry({path: name for path, name in map(self._path, self._expanded())})
            return
        if self._field_name:
            # Every attribute would get this name, so it is meant for MBeans with a Value alone.
            yield self._entry({"Value": self._named(self._field_name)})
            return
        yield self._entry({"{attribute}": f"{self._named('')}{{=attribute}}"})
        if self._has_memory:
            usages = sorted(MEMORY_ATTRIBUTES)
            paths = [f"{usage}/{item}" for usage in usages for item in MEMORY_USAGE]
            yield self._entry({path: name for path, name in map(self._path, paths)})

    def _entry(self, fields: Mapping[str, str]) -> dict[str, object]:
        entry: dict[str, object] = {
            "bean": literal(self.bean),
            "measurement": literal(self._measurement),
            "optional": True,
        }
        if self._tags:
            entry["tags"] = {f"{self._tag_prefix}{tag_name(key)}": key for key in self._tags}
        return {**entry, "fields": fields}

    def _expanded(self) -> Iterator[str]:
        """Yield the paths; a MemoryUsage becomes its items."""
        for path in self._paths:
            if path in MEMORY_ATTRIBUTES:
                yield from (f"{path}/{item}" for item in MEMORY_USAGE)
            else:
                yield path

    def _path(self, path: str) -> tuple[str, str]:
        """Return a path as a rule has it, and the field's name."""
        names = path.split("/")
        field_name = self._named(self._field_name or self._separator.join(names))
        return ".".join(map(escaped, names)), field_name

    def _named(self, name: str) -> str:
        """Return a field name: the prefix and a name, with key properties for `$1` to `$9`."""

        def key(match: re.Match[str]) -> str:
            number = int(match[1]) - 1
            if not 0 <= number < len(self._patterns):
                raise NotMigratable(f"{match[0]} stands for no key property of {self.bean}")
            return f"{{={self._patterns[number]}}}"

        return _SUBSTITUTE.sub(key, literal(self._prefix + name))


def _tables(value: object) -> list[Mapping[str, Any]]:
    """Return the tables of an array; a single table is an array of one."""
    return [table for table in _listed(value) if isinstance(table, Mapping)]


def _texts(value: object) -> list[str]:
    return [str(item) for item in _listed(value)]


def _listed(value: object) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def jolokia(url: str) -> dict[str, object]:
    """Return the entries of a target that is read through this Jolokia agent."""
    return {"transport": "jolokia", "jmx": literal(url)}


def _table_lines(text: str) -> dict[str, list[int]]:
    """Return the lines at which the tables of each name begin."""
    lines: dict[str, list[int]] = {}
    for match in _HEADER.finditer(text):
        lines.setdefault(match[1], []).append(text.count("\n", 0, match.start(1)) + 1)
    return lines
