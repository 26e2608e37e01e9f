"""A login has the keys of its mechanism: all it needs, and no others."""

from jmxbridge.config.model.location import Path
from jmxbridge.config.model.model_reader import SectionReader
from jmxbridge.config.text.tree import Mapping, Scalar
from jmxbridge.config.values.address import is_loopback
from jmxbridge.config.values.sasl_keys import KEYS


def check_sasl(reader: SectionReader, node: Mapping, path: Path) -> None:
    """Report keys that are missing, too many or of another mechanism, each where it stands."""
    entry = node.get("mechanism")
    name = None if entry is None else reader.text(entry.value)
    if entry is None or name is None or name not in KEYS:
        return  # reported already
    known = KEYS[name].known
    others = {key for keys in KEYS.values() for key in keys.known} - known
    for each in node.entries:
        if each.key.text in others:
            whose = [mechanism for mechanism, keys in KEYS.items() if each.key.text in keys.known]
            said = f"{name} has no such key: it is for {', '.join(whose)}"
            reader.add(each.key, (*path, each.key.text), said)
    for group in KEYS[name].needs:
        found = [each.key for each in map(node.get, group) if each]
        if not found:
            said = f"{name} needs {' or '.join(group)} beside it"
            reader.add(entry.value, (*path, "mechanism"), said)
        elif len(found) > 1:
            later = max(found, key=lambda key: (key.span.line, key.span.column))
            said = f"{' and '.join(group)} exclude each other: keep one"
            reader.add(later, (*path, later.text), said)
    if "token_url" in known:
        _check_url(reader, node, path)


def _check_url(reader: SectionReader, node: Mapping, path: Path) -> None:
    """The secret goes there: by TLS, or not off this machine."""
    entry = node.get("token_url")
    url = None if entry is None else reader.text(entry.value)
    if entry is None or url is None or not isinstance(entry.value, Scalar):
        return
    scheme, _, rest = url.partition("://")
    host = rest.partition("/")[0].rpartition("@")[2]
    host = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    if scheme.lower() == "http" and not is_loopback(host):
        said = "the client's secret goes there: https, or a token server on this machine"
        reader.add(entry.value, (*path, "token_url"), said)
