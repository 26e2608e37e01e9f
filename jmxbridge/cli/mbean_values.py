"""Values of a JVM as JSON, and as text for people."""

import json
import math
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jmxbridge.jmx.values import Value


def plain(value: "Value | Mapping[str, Value]") -> Any:
    """Convert a value to JSON: composites to objects, arrays to lists, dates to text."""
    from jmxbridge.jmx.object_name import ObjectName

    match value:
        case float() if not math.isfinite(value):
            return str(value)  # JSON has no NaN and no infinities
        case None | bool() | int() | float() | str():
            return value
        case datetime():
            return value.isoformat()
        case ObjectName():
            return value.text
        case Mapping():
            return {key: plain(item) for key, item in value.items()}
        case tuple():
            return [plain(item) for item in value]
        case _:
            return repr(value)


def shown(readable: Any) -> str:
    """Format a value of JSON for people: text without quotes, everything else as JSON."""
    return readable if isinstance(readable, str) else json.dumps(readable, ensure_ascii=False)
