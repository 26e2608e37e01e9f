"""Checks of logins and TLS: InfluxDB's, Kafka's and a target's."""

from pathlib import Path as FilePath

from jmxbridge.config.model.location import Path
from jmxbridge.config.model.model_reader import ModelReader
from jmxbridge.config.text.tree import Mapping, Scalar
from jmxbridge.config.values.address import is_loopback
from jmxbridge.config.values.grammar import is_pkcs12
from jmxbridge.config.values.sasl_keys import KEYS

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


def check_influxdb(reader: ModelReader, node: Mapping, path: Path) -> None:
    """Report two ways to log in to InfluxDB, or half of one."""
    if any(check_pair(reader, node, path, pair) for pair in _EXCLUDE_EACH_OTHER):
        return
    _check_username_and_password(reader, node, path)


def check_login(reader: ModelReader, node: Mapping, path: Path) -> None:
    """Report two passwords, or a user name or a password without the other."""
    if not check_pair(reader, node, path, ("password", "password_file")):
        _check_username_and_password(reader, node, path)


def _check_username_and_password(reader: ModelReader, node: Mapping, path: Path) -> None:
    username = node.get("username")
    password = node.get("password") or node.get("password_file")
    if username and not password:
        message = "needs password or password_file too"
        reader.add(username.key, (*path, "username"), message)
    if password and not username:
        message = "needs username too"
        reader.add(password.key, (*path, password.key.text), message)


def check_pair(reader: ModelReader, node: Mapping, path: Path, pair: tuple[str, str]) -> bool:
    """Report two keys that exclude each other; return whether both are there."""
    keys = [entry.key for entry in map(node.get, pair) if entry]
    if len(keys) < 2:
        return False
    _refuse_later(reader, keys, path, pair)
    return True


def _refuse_later(
    reader: ModelReader, keys: list[Scalar], path: Path, alternatives: tuple[str, ...]
) -> None:
    later = max(keys, key=lambda key: (key.span.line, key.span.column))
    message = f"{' and '.join(alternatives)} exclude each other: keep one"
    reader.add(later, (*path, later.text), message)


def check_tls(reader: ModelReader, section: Mapping, path: Path) -> None:
    """Report a key without its certificate, two keys, or two passwords of a key."""
    entry = section.get("tls")
    if entry is None or not isinstance(entry.value, Mapping):
        return
    tls, path = entry.value, (*path, "tls")
    certificate = tls.get("cert_file")
    for name in ("key_file", "key_password", "key_password_file"):
        key = tls.get(name)
        if key and not certificate:
            reader.add(key.key, (*path, name), "needs cert_file too")
    check_pair(reader, tls, path, ("key_password", "key_password_file"))
    key = tls.get("key_file")
    certificate_file = None if certificate is None else reader.text(certificate.value)
    if key and certificate_file and is_pkcs12(FilePath(certificate_file)):
        message = "the key is in cert_file, a PKCS#12 store: leave this out"
        reader.add(key.key, (*path, "key_file"), message)


def check_sasl(reader: ModelReader, node: Mapping, path: Path) -> None:
    """Report keys that the mechanism lacks, has twice, or does not know, each where it stands."""
    entry = node.get("mechanism")
    mechanism = None if entry is None else reader.text(entry.value)
    if entry is None or mechanism is None or mechanism not in KEYS:
        return  # reported already
    known = KEYS[mechanism].known
    foreign = {key for keys in KEYS.values() for key in keys.known} - known
    for option in node.entries:
        key = option.key.text
        if key in foreign:
            owners = [name for name, keys in KEYS.items() if key in keys.known]
            message = f"{mechanism} has no such key: it is for {', '.join(owners)}"
            reader.add(option.key, (*path, key), message)
    for alternatives in KEYS[mechanism].needs:
        given = [option.key for option in map(node.get, alternatives) if option]
        if not given:
            message = f"{mechanism} needs {' or '.join(alternatives)}"
            reader.add(entry.value, (*path, "mechanism"), message)
        elif len(given) > 1:
            _refuse_later(reader, given, path, alternatives)
    if "token_url" in known:
        _check_token_url(reader, node, path)


def _check_token_url(reader: ModelReader, node: Mapping, path: Path) -> None:
    """The client secret is sent to this URL: by TLS, or not off this machine."""
    entry = node.get("token_url")
    url = None if entry is None else reader.text(entry.value)
    if entry is None or url is None:
        return
    scheme, _, rest = url.partition("://")
    host = rest.partition("/")[0].rpartition("@")[2]
    host = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    if scheme.lower() == "http" and not is_loopback(host):
        message = "the client secret is sent there: use https, or a token server on this machine"
        reader.add(entry.value, (*path, "token_url"), message)
