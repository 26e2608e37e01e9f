"""Loader of files: the only module of this package that reads files.

The environment is an argument.
"""

import errno
import glob
import os
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path

from jmxbridge.config.checks.warnings import warn_of_interval
from jmxbridge.config.file_tree import read_tree
from jmxbridge.config.model.models import Settings
from jmxbridge.config.rule_sets import read_pack
from jmxbridge.config.settings_builder import build
from jmxbridge.config.show.origins import Origins, origins
from jmxbridge.config.text.problem import ConfigError, InvalidValue, Problem, in_order
from jmxbridge.config.text.source import Source
from jmxbridge.config.text.tree import Span
from jmxbridge.mbeans.rule import Rule

# A rule is about 300 bytes; a thousand of them and a thousand targets are below this.
MAX_FILE_BYTES = 1024 * 1024
PACKS = Path(__file__).parent.parent / "packs"
# Packs that read the same as others, under another tool's names: a target collects one of the two.
PRESETS = frozenset({"telegraf"})
SCHEMA = Path(__file__).parent.parent / "mbeans.schema.json"
# Tokens are about 100 bytes; a file of this size is something else.
MAX_SECRET_BYTES = 16 * 1024


def load(path: Path, environ: Mapping[str, str]) -> Settings:
    """Read and check a file; raises ConfigError with every problem."""
    return build(
        read_text(path),
        path=path,
        environ=environ,
        read_secret=_read_secret,
        packs=packs(),
        read_included=_read_included,
    )


def schema_line() -> str:
    """Return the line by which editors find the schema that is installed here.

    The form is that of yaml-language-server, which takes a URL or a path up to the next blank.
    """
    return f"# yaml-language-server: $schema={SCHEMA.as_uri()}\n"


def load_origins(path: Path, environ: Mapping[str, str]) -> Origins:
    """Return where each value of a file comes from; raises ConfigError."""
    text = read_text(path)
    _, root = read_tree(text, path=path, environ=environ, read_included=_read_included)
    return origins(root, file=str(path), environ=environ)


def with_last_polls(
    settings: Settings, environ: Mapping[str, str], took: Mapping[str, float]
) -> Settings:
    """Add a warning where the interval is shorter than the last polls took; raises ConfigError.

    `took` has seconds by name of a target, or `lag`. Names that the file does not have are ignored;
    where it discovers brokers, any name may be one.
    """
    names = {target.name for target in settings.targets} | ({"lag"} if settings.kafka else set())
    known = {name: took[name] for name in took if settings.discover or name in names}
    path = settings.path
    reader, root = read_tree(
        read_text(path), path=path, environ=environ, read_included=_read_included
    )
    warn_of_interval(reader, root, known, settings.interval_s)
    return settings.model_copy(
        update={"warnings": in_order([*settings.warnings, *reader.warnings])}
    )


def read_text(path: Path) -> str:
    """Return the text of a file: UTF-8, at most 1 MiB; raises ConfigError."""
    try:
        raw = _read(path, MAX_FILE_BYTES)
    except InvalidValue as error:
        raise ConfigError([Problem(str(path), 0, 0, "", error.message)]) from None
    return _decoded(path, raw)


def _read_included(pattern: Path) -> list[tuple[Path, str]]:
    """Read the file of that path, or the files that a pattern matches; raises InvalidValue."""
    paths = [pattern]
    if glob.has_magic(str(pattern)):
        paths = [Path(name) for name in sorted(glob.glob(str(pattern)))]
    try:
        return [(path, read_text(path)) for path in paths]
    except ConfigError as error:
        raise InvalidValue(f"{error.problems[0].file}: {error.problems[0].message}") from None


def packs() -> dict[str, Callable[[], str]]:
    """Return the sets of rules that ship with the package: name → a function that reads it."""
    return {
        path.stem: partial(path.read_text, encoding="utf-8")
        for path in sorted(PACKS.glob("*.yaml"))
    }


def offered(leave_out: Collection[str] = ()) -> dict[str, tuple[Rule, ...]]:
    """Return the rules of the packs that can be collected together, except those in `leave_out`."""
    return {
        name: pack_rules(name) for name in packs() if name not in PRESETS and name not in leave_out
    }


def pack_rules(name: str) -> tuple[Rule, ...]:
    """Return the rules of one pack."""
    path = PACKS / f"{name}.yaml"
    return tuple(rule.to_rule(path) for rule in read_pack(name, packs()[name](), {}))


def store_path(settings: Settings, environ: Mapping[str, str]) -> Path:
    """Return the path of the local store: as configured, else in the state directory."""
    if settings.store.path is not None:
        return settings.store.path
    if environ.get("STATE_DIRECTORY"):  # systemd's StateDirectory=; the first of several
        folder = Path(environ["STATE_DIRECTORY"].split(":")[0])
    elif environ.get("XDG_STATE_HOME"):
        folder = Path(environ["XDG_STATE_HOME"]) / "jmxbridge"
    elif environ.get("HOME"):
        folder = Path(environ["HOME"]) / ".local" / "state" / "jmxbridge"
    else:  # a system service without StateDirectory=
        folder = Path("/var/lib/jmxbridge")
    return folder / f"{_file_name(settings.cluster)}.sqlite3"


def _file_name(cluster: str) -> str:
    # 255 bytes is the limit of most file systems, and SQLite adds a suffix of its own.
    safe = "".join(char if char.isalnum() or char in "-_." else "_" for char in cluster)
    return safe.encode()[:200].decode(errors="ignore")


def _read(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            raw = file.read(limit + 1)
    except OSError as error:
        raise InvalidValue(_REASONS.get(error.errno or 0, os.strerror(error.errno or 0))) from None
    if len(raw) > limit:
        raise InvalidValue(f"larger than {limit // 1024} KiB")
    return raw


_REASONS = {
    errno.ENOENT: "no such file",
    errno.EISDIR: "is a directory, not a file",
    errno.EACCES: "not readable: permission denied",
}


def _decoded(path: Path, raw: bytes) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ConfigError([Problem(str(path), 0, 0, "", "is UTF-16: save it as UTF-8")])
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8-sig")
        source = Source(str(path), before)
        line = len(source.lines) - 1
        column = len(source.lines[-1])
        span = Span(line, column, line, column + 1)
        message = f"not UTF-8: byte 0x{raw[error.start]:02x}; save the file as UTF-8"
        raise ConfigError([source.problem(span, "", message)]) from None


def _read_secret(path: Path) -> str:
    try:
        return _read(path, MAX_SECRET_BYTES).decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise InvalidValue("not UTF-8") from None
