"""Files that settings name: secrets to read, certificates and keys to find.

A relative path is relative to the file that names it, wherever the process was started.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pydantic import SecretStr

from jmxbridge.config.model.location import Path as KeyPath
from jmxbridge.config.model.model_reader import ModelReader
from jmxbridge.config.model.models import (
    DiscoverSettings,
    InfluxSettings,
    KafkaSettings,
    SaslSettings,
    Section,
    StoreSettings,
    TargetSettings,
)
from jmxbridge.config.text import redaction
from jmxbridge.config.text.problem import InvalidValue
from jmxbridge.config.text.tree import Mapping, Node, value_at
from jmxbridge.config.values.grammar import parse_header_secret, parse_secret
from jmxbridge.config.values.secret import SecretOfFile

ReadSecret = Callable[[Path], str]
"""Reads a secret's file; raises InvalidValue."""
ParseSecret = Callable[[str], SecretStr]

SectionWithTls = TypeVar("SectionWithTls", KafkaSettings, TargetSettings, DiscoverSettings)
AnyTarget = TypeVar("AnyTarget", TargetSettings, DiscoverSettings)


def no_secrets(path: Path) -> str:
    """Refuse to read a secret: the `read_secret` of a machine without files."""
    raise InvalidValue("no such file")


class LinkedFiles:
    """Completes settings with the files they name; problems go to the reader.

    `path` is the file being read; a node of an included file is relative to that one.
    """

    def __init__(self, reader: ModelReader, path: Path, read_secret: ReadSecret) -> None:
        self._reader = reader
        self._path = path
        self._read_secret = read_secret

    def for_influxdb(self, settings: InfluxSettings, node: Mapping) -> InfluxSettings:
        """Read the token's or the password's file."""
        keys, path = ("token", "password"), ("influxdb",)
        secrets = self._secrets(settings, node, path, keys, parse_header_secret)
        return settings.model_copy(update=secrets)

    def for_kafka(self, settings: KafkaSettings, node: Mapping) -> KafkaSettings:
        """Read the files of the login, and find those of TLS."""
        sasl = value_at(node, "sasl")
        if settings.sasl is not None and isinstance(sasl, Mapping):
            completed = self._for_sasl(settings.sasl, sasl)
            settings = settings.model_copy(update={"sasl": completed})
        return self._for_tls(settings, node, ("kafka",))

    def _for_sasl(self, settings: SaslSettings, node: Mapping) -> SaslSettings:
        keys, path = ("password", "client_secret"), ("kafka", "sasl")
        update = self._secrets(settings, node, path, keys)
        for key in ("token_ca_file", "keytab_file"):
            if (file := getattr(settings, key)) is not None:
                update[key] = self._folder(node) / file
        return settings.model_copy(update=update)

    def for_target(self, settings: AnyTarget, node: Mapping, path: KeyPath) -> AnyTarget:
        """Read the password's file, and find those of TLS."""
        secrets = self._secrets(settings, node, path, ("password",))
        return self._for_tls(settings.model_copy(update=secrets), node, path)

    def for_store(self, settings: StoreSettings) -> StoreSettings:
        """Find the store."""
        if settings.path is None:
            return settings
        return settings.model_copy(update={"path": self._path.parent / settings.path})

    def _for_tls(self, settings: SectionWithTls, node: Mapping, path: KeyPath) -> SectionWithTls:
        tls, tls_node = settings.tls, value_at(node, "tls")
        if tls is None or not isinstance(tls_node, Mapping):
            return settings
        update = self._secrets(tls, tls_node, (*path, "tls"), ("key_password",))
        for key in ("ca_file", "cert_file", "key_file"):
            if (file := getattr(tls, key)) is not None:
                update[key] = self._folder(node) / file
        return settings.model_copy(update={"tls": tls.model_copy(update=update)})

    def _secrets(
        self,
        settings: Section,
        node: Mapping,
        path: KeyPath,
        keys: tuple[str, ...],
        parse: ParseSecret = parse_secret,
    ) -> dict[str, object]:
        """Return the secrets whose `*_file` is given, by key; None for one that is unusable."""
        secrets: dict[str, object] = {}
        for key in keys:
            name, entry = getattr(settings, f"{key}_file"), node.get(f"{key}_file")
            if name is not None and entry is not None:
                secrets[key] = self._secret(entry.value, (*path, f"{key}_file"), name, parse)
        return secrets

    def _secret(
        self, node: Node, path: KeyPath, name: Path, parse: ParseSecret
    ) -> SecretStr | None:
        """Read one secret; where systemd gives credentials, a bare name is one of them."""
        file = self._folder(node) / name
        credentials = self._reader.environ.get("CREDENTIALS_DIRECTORY")
        if credentials and name.parent == Path():
            file = Path(credentials) / name
        try:
            return SecretOfFile(file, lambda: parse(self._read_secret(file)))
        except InvalidValue as error:
            message = f"{file}: {error.message}"
            if redaction.is_token(str(name)):
                secret = str(path[-1]).removesuffix("_file")
                message = f"looks like the {secret} itself, not like a file: put it into a file"
            self._reader.add(node, path, message)
            return None

    def _folder(self, node: Node) -> Path:
        """Return the folder of the file that a node stands in."""
        return (Path(node.span.file) if node.span.file else self._path).parent
