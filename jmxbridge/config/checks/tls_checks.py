"""What belongs together under `tls`, a target's or Kafka's."""

from pathlib import Path as FilePath

from jmxbridge.config.checks.pair_check import check_pair
from jmxbridge.config.model.location import Path
from jmxbridge.config.model.model_reader import SectionReader
from jmxbridge.config.text.tree import Mapping
from jmxbridge.config.values.grammar import is_pkcs12


def check_tls(reader: SectionReader, section: Mapping, path: Path) -> None:
    """A key has its certificate, and is named once; a password opens it."""
    entry = section.get("tls")
    if entry is None or not isinstance(entry.value, Mapping):
        return
    tls, path = entry.value, (*path, "tls")
    certificate = tls.get("cert_file")
    for name in ("key_file", "key_password", "key_password_file"):
        key = tls.get(name)
        if key and not certificate:
            reader.add(key.key, (*path, name), "needs cert_file beside it")
    check_pair(reader, tls, path, ("key_password", "key_password_file"))
    key = tls.get("key_file")
    store = None if certificate is None else reader.text(certificate.value)
    if key and store and is_pkcs12(FilePath(store)):
        said = "the key is in cert_file, a PKCS#12 store: leave this out"
        reader.add(key.key, (*path, "key_file"), said)
