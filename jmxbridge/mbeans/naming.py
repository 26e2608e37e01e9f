"""Key properties of an ObjectName in the names of measurements and fields."""

import re
from collections.abc import Callable
from functools import lru_cache

from jmxbridge.mbeans.rule import KEY_IN_TEMPLATE

NAMES_CACHED = 4096
"""Names come from rules and metrics, a few hundred; a template over topics may make more."""

_WORD_END = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])|(?<=[A-Z0-9])(?=[A-Z][a-z])")
_NOT_WORD = re.compile(r"[\W_]+")
NAMELESS = "unnamed"
"""Name for a value without a letter or digit, such as "*": a name cannot be empty."""


@lru_cache(maxsize=NAMES_CACHED)
def snake_case(text: str) -> str:
    """Convert to lower case with `_` between words: MessagesInPerSec, messages_in_per_sec.

    A capital after a small letter begins a word, and so does the last capital of several
    (ISRShrinks is isr_shrinks); a digit never does (G1, 99thPercentile). All other characters
    separate words.
    """
    words = _NOT_WORD.sub("_", _WORD_END.sub("_", text).lower()).strip("_")
    return words or NAMELESS


def fill(template: str, lookup: Callable[[str], str | None]) -> str:
    """Replace `{key}` and `{=key}` by key properties; `check` ensures that the rule has them."""

    def word(match: re.Match[str]) -> str:
        value = lookup(match["key"]) or ""
        return value or NAMELESS if match["verbatim"] else snake_case(value)

    return KEY_IN_TEMPLATE.sub(word, template)
