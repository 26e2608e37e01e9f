"""One file, and the files it includes, as one tree."""

from collections.abc import Mapping
from pathlib import Path

from jmxbridge.config import inclusion
from jmxbridge.config.model.model_reader import ModelReader
from jmxbridge.config.text import tree, yaml_parser
from jmxbridge.config.text.problem import ConfigError
from jmxbridge.config.text.source import Source

TOP_LEVEL = ("cluster", "interval", "max_series")
SECTIONS = ("influxdb", "kafka", "targets", "mbeans", "store")
KNOWN = [*TOP_LEVEL, inclusion.KEY, *SECTIONS]


def read_tree(
    text: str, *, path: Path, environ: Mapping[str, str], read_included: inclusion.ReadIncluded
) -> tuple[ModelReader, tree.Mapping]:
    """Read a file's text and what it includes; raises ConfigError where nothing can be read.

    Faults that did not end the reading are among the reader's problems.
    """
    source = Source(str(path), text)
    root, faults = _root(source, text)
    source.hide_secrets(root)
    reader = ModelReader(source, environ)
    for fault in faults:
        reader.problems.append(source.problem(fault.span, "", fault.message))
    return reader, inclusion.include(reader, root, path, read_included)


def _root(source: Source, text: str) -> tuple[tree.Mapping, tuple[yaml_parser.Fault, ...]]:
    try:
        document = yaml_parser.compose(text)
    except yaml_parser.NotYaml as error:
        fault = error.fault
        raise ConfigError([source.problem(fault.span, "", fault.message)]) from None
    root = document.root
    if isinstance(root, tree.Mapping) and root.entries:
        return root, document.faults
    if root is None or (isinstance(root, tree.Scalar) and root.is_null):
        message = "the file is empty: it needs kafka: or targets: at least"
        raise ConfigError([source.problem(tree.Span(0, 0, 0, 1), "", message)])
    message = f"wants keys ({', '.join(KNOWN)}) with values"
    raise ConfigError([source.problem(root.span, "", message)])
