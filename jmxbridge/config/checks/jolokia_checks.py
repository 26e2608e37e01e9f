"""What goes together with `transport: jolokia`, and what does not."""

from jmxbridge.config.checks.located_target import LocatedTarget
from jmxbridge.config.model.model_reader import SectionReader
from jmxbridge.config.text.tree import Mapping

_OF_RMI = ("rmi_host", "rmi_port")


def check_jolokia(reader: SectionReader, target: LocatedTarget) -> None:
    """One URL, http or https, and what HTTP can carry."""
    for key in _OF_RMI:
        entry = target.node.get(key)
        if entry:
            said = "an agent advertises no other address: only transport rmi has this"
            reader.add(entry.key, (*target.path, key), said)
    tls = target.node.get("tls")
    for node, text in target.texts(reader, "jmx"):
        if text.startswith("service:jmx:"):
            said = "names a port of RMI; Jolokia's is HOST:PORT, or a URL"
            reader.add(node, (*target.path, "jmx"), said)
        if tls and text.lower().startswith("http:"):
            said = "the URL says http: write https there, or leave tls out"
            reader.add(tls.key, (*target.path, "tls"), said)
    registry = tls.value.get("registry") if tls and isinstance(tls.value, Mapping) else None
    if registry:
        said = "there is no registry before a Jolokia agent: only transport rmi has this"
        reader.add(registry.key, (*target.path, "tls", "registry"), said)
    for node, name in target.texts(reader, "username"):
        if ":" in name:  # RFC 7617, section 2
            said = "HTTP has no way to say a user name with a colon"
            reader.add(node, (*target.path, "username"), said, position=name.index(":"))


def refuse_url(reader: SectionReader, target: LocatedTarget) -> None:
    """A URL is where a Jolokia agent is, and that has to be said."""
    for node, text in target.texts(reader, "jmx"):
        if text.lower().startswith(("http:", "https:")):
            said = "a URL is a Jolokia agent's: add transport: jolokia, or write HOST:PORT"
            reader.add(node, (*target.path, "jmx"), said)
