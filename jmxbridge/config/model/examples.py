"""Example lines for keys that must hold a mapping."""

from collections.abc import Mapping

from jmxbridge.config.model.location import Path

EXAMPLES: Mapping[str, str] = {
    "advertised": "{'kafka-1.internal:9092': '127.0.0.1:19092'}",
    "fields": "{Attribute: field_name}",
    "groups": "{deny: ['test-.*']}",
    "influxdb": "{url: 'http://HOST:8086', bucket: kafka}",
    "kafka": "{bootstrap: 'HOST:9092'}",
    "sasl": "{mechanism: SCRAM-SHA-512, username: NAME, password_file: PATH}",
    "states": "{leader: 1, follower: 2}",
    "store": "{retain: 2d}",
    "tls": "{}",
    "topics": "{deny: ['test-.*']}",
}
TARGET = "{name: broker-1, jmx: 'HOST:9999', collect: [kafka-broker, jvm]}"
RULE = "{bean: 'java.lang:type=Runtime', measurement: jvm, fields: {Uptime: uptime_ms}}"


def example(path: Path) -> str | None:
    """Return a line that may stand at a path of keys; None where there is no example."""
    if len(path) == 2 and path[0] == "targets":
        return f"- {TARGET}"
    if len(path) == 3 and path[0] == "mbeans":
        return f"- {RULE}"
    if path and isinstance(path[-1], str) and path[-1] in EXAMPLES:
        return f"{path[-1]}: {EXAMPLES[path[-1]]}"
    return None
