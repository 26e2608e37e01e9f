"""Record what the MBeans of a running JVM are: `python -m tests.beans.record HOST:PORT FILE`.

Values are not kept, only of which kind each is.
"""

import asyncio
import gzip
import json
import math
import sys
from pathlib import Path
from typing import Any

from jmxbridge.jmx import Composite, JavaObject, RemoteException, Value, connect

ABSENT = object()  # was not in the answer: its getter throws


def kind(value: Value | object) -> str:
    """Name a value's kind as the recordings do."""
    match value:
        case float() if not math.isfinite(value):
            return f"float({abs(value)})"
        case tuple():
            return "list"
        case Composite():
            return "object:javax.management.openmbean.CompositeDataSupport"
        case JavaObject():
            return f"object:{value.class_name}"
    return "absent" if value is ABSENT else type(value).__name__


async def record(address: str) -> list[dict[str, Any]]:
    """Read every attribute of every MBean."""
    async with connect(address) as connection:
        entries: list[dict[str, Any]] = []
        for name in sorted(await connection.query(), key=str):
            try:
                info = await connection.get_mbean_info(name)
                values = await connection.get(name, [a.name for a in info.attributes])
            except RemoteException:  # it went meanwhile
                continue
            attributes = [
                {
                    "name": attribute.name,
                    "declared_type": attribute.type,
                    "python_type_of_value": kind(values.get(attribute.name, ABSENT)),
                }
                for attribute in info.attributes
            ]
            entries.append({"name": str(name), "attributes": attributes})
        return entries


if __name__ == "__main__":
    entries = asyncio.run(record(sys.argv[1]))
    text = json.dumps(entries, separators=(",", ":"), ensure_ascii=False)
    Path(sys.argv[2]).write_bytes(gzip.compress(text.encode(), mtime=0))
    print(f"{len(entries)} MBeans in {sys.argv[2]}")
