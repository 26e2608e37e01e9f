"""Values of a JVM as JSON has them, and as people read them."""

import json
import math
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jmxbridge.jmx.values import Value


def plain(value: "Value | Mapping[str, Value]") -> Any:
    """Turn a value into what JSON has: composites to objects, arrays to lists, dates to text."""
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
            return {key: plain(each) for key, each in value.items()}
        case tuple():
            return [plain(each) for each in value]
        case _:
            return repr(value)


def shown(readable: Any) -> str:
    """Write what JSON has for people: text as it is, everything with a structure as JSON."""
    return readable if isinstance(readable, str) else json.dumps(readable, ensure_ascii=False)
