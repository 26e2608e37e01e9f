"""Environment variables in a scalar value: `${NAME}` and `${NAME:-default}`.

Rule: variables are replaced after YAML parsing, so a variable never brings a key, a list or a
comment. As in a shell, the default also replaces a variable that is set but empty. `$${` writes a
literal `${`; any other dollar sign is itself, so a regular expression may end in `$`. The value of
a variable is not interpolated again.
"""

import re
from collections.abc import Mapping

from jmxbridge.config.text.problem import InvalidValue

_REFERENCE = re.compile(
    r"\$\$\{|\$\{(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<has_default>:-(?P<default>[^}]*))?\})?"
)
_ONLY_REFERENCE = re.compile(r"\s*\$\{[A-Za-z_][A-Za-z0-9_]*\}\s*")


def interpolate(text: str, environ: Mapping[str, str]) -> str:
    """Return the text with its variables replaced; raises InvalidValue at the first bad one."""
    pieces = []
    end = 0
    for match in _REFERENCE.finditer(text):
        pieces.append(text[end : match.start()])
        pieces.append(_replacement(match, environ))
        end = match.end()
    return "".join([*pieces, text[end:]])


def variables(text: str) -> list[tuple[str, bool]]:
    """Return the variables in a text, each with whether it has a default."""
    matches = [match for match in _REFERENCE.finditer(text) if match["name"]]
    return [(match["name"], match["has_default"] is not None) for match in matches]


def names_a_variable(text: str) -> bool:
    """Return whether the text is one `${NAME}` alone, so that showing it shows no secret."""
    return _ONLY_REFERENCE.fullmatch(text) is not None


def _replacement(match: re.Match[str], environ: Mapping[str, str]) -> str:
    if match[0] == "$${":
        return "${"
    name = match["name"]
    if name is None:
        raise InvalidValue(
            "write ${NAME} or ${NAME:-default} for an environment variable, $${ for a literal ${",
            match.start(),
        )
    value = environ.get(name, "")
    if match["has_default"] is not None:
        return value or match["default"]
    if name not in environ:
        raise InvalidValue(
            f"environment variable {name} is not set; set it, or write ${{{name}:-default}}",
            match.start(),
        )
    return value
