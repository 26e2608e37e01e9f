"""Key properties of an ObjectName in the names of measurements and fields."""

import re
from collections.abc import Callable
from functools import lru_cache

from jmxbridge.mbeans.rule import KEY_IN_TEMPLATE

# Names come from rules and from metric names, a few hundred; a template over topics may make more.
NAMES_CACHED = 4096

_WORD_END = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])|(?<=[A-Z0-9])(?=[A-Z][a-z])")
_NOT_WORD = re.compile(r"[\W_]+")
# Of a value without a single letter or digit, such as "*": a name cannot be empty.
NAMELESS = "unnamed"


@lru_cache(maxsize=NAMES_CACHED)
def snake_case(text: str) -> str:
    """Write words in lower case with `_` between them: MessagesInPerSec, messages_in_per_sec.

    A capital after a small letter begins a word, and so does the last capital of several
    (ISRShrinks is isr_shrinks); a digit never does (G1, 99thPercentile). Everything that is neither
    letter nor digit separates words.
    """
    words = _NOT_WORD.sub("_", _WORD_END.sub("_", text).lower()).strip("_")
    return words or NAMELESS


def fill(template: str, lookup: Callable[[str], str | None]) -> str:
    """Put key properties into `{key}` and `{=key}`; the checker saw that the rule has them."""

    def word(match: re.Match[str]) -> str:
        value = lookup(match["key"]) or ""
        return value or NAMELESS if match["verbatim"] else snake_case(value)

    return KEY_IN_TEMPLATE.sub(word, template)
