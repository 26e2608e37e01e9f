"""Every attribute of every MBean of a real broker: our client against jmxquery, which is Java's.

Values change while they are read. Ours are read before and after jmxquery's, which must be one of
the two or between them; what still differs is read again, and what never agrees is counted: it may
only be numbers that go up and down by themselves, and few.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from jmxquery import JMXConnection, JMXQuery

from demo.servers import Kafka
from jmxbridge.jmx import Composite, ObjectName, RemoteException, Value, connect

pytestmark = pytest.mark.real

ROUNDS = 4
JMXQUERY_S = 120
# Load averages, rates that decay, ages: measured under 0.2 % of a broker's attributes.
UNSTABLE_RATIO = 0.01

# MBean in canonical form, attribute, key of a composite or None.
Key = tuple[str, str, str | None]

# Where a getter throws, jmxquery says null and we say nothing.
ABSENT = object()


async def ours(port: int) -> dict[Key, Any]:
    """Read everything with our client; composites by key, as jmxquery shows them."""
    async with await connect("127.0.0.1", port) as connection:
        names = await connection.query_names(None)
        infos = await connection.get_infos(names)
        wanted = [
            (name, [attribute.name for attribute in info.attributes])
            for name, info in zip(names, infos, strict=True)
            if not isinstance(info, RemoteException)
        ]
        answers = await connection.get_many(wanted)
    found: dict[Key, Any] = {}
    for (name, attributes), answer in zip(wanted, answers, strict=True):
        if isinstance(answer, RemoteException):
            assert answer.error_class == "not_found", f"{name}: {answer}"
            continue
        for attribute in attributes:
            value = answer.get(attribute, ABSENT)
            if isinstance(value, Composite):
                found.update(((name.canonical, attribute, key), v) for key, v in value.items())
            else:
                found[name.canonical, attribute, None] = value
    return found


def theirs(port: int) -> dict[Key, tuple[str, Any]]:
    """Read everything with jmxquery: the Java type of each value and how jmxquery renders it."""
    url = f"service:jmx:rmi:///jndi/rmi://127.0.0.1:{port}/jmxrmi"
    metrics = JMXConnection(url).query([JMXQuery("*:*")], timeout=JMXQUERY_S)
    return {
        (ObjectName.parse(m.mBeanName).canonical, m.attribute, m.attributeKey or None): (
            m.value_type,
            m.value,
        )
        for m in metrics
    }


def same_number(ours: Any, rendered: Any) -> bool:
    if type(ours) is not type(rendered):
        return False
    return bool(ours == rendered) or (ours != ours and rendered != rendered)


def same_text(ours: Any, rendered: Any) -> bool:
    return isinstance(ours, str | int) and str(ours) == rendered


def same_list(ours: Any, rendered: Any) -> bool:
    return isinstance(ours, tuple) and f"[{', '.join(map(str, ours))}]" == rendered


# Java's text of an array is its identity, and a table inside a composite is left out.
def is_array(ours: Any, rendered: Any) -> bool:
    return isinstance(ours, tuple)


def is_nothing(ours: Any, rendered: Any) -> bool:
    return (ours is None or ours is ABSENT) and rendered is None


SAME: Mapping[str, Callable[[Any, Any], bool]] = {
    **dict.fromkeys(("Double", "Long", "Integer", "Boolean"), same_number),
    **dict.fromkeys(("String", "TimeUnit", "Byte", "Short"), same_text),
    "ObjectName": lambda ours, rendered: bool(ours == ObjectName.parse(rendered)),
    "Null": is_nothing,
    "ListN": same_list,
    "TabularDataSupport": is_array,
    **dict.fromkeys(("String[]", "long[]", "CompositeData[]"), is_array),
}


def agrees(before: Any, rendered: tuple[str, Any], after: Any) -> bool:
    """Tell whether jmxquery's value is ours, or lies between ours."""
    java_type, value = rendered
    same = SAME[java_type]
    if same(before, value) or same(after, value):
        return True
    if not all(type(v) in (int, float) and math.isfinite(v) for v in (before, value, after)):
        return False
    return bool(min(before, after) <= value <= max(before, after))


def is_restless(values: tuple[Value, tuple[str, Value], Value]) -> bool:
    """Tell whether values are numbers, of one type throughout, and not all the same."""
    before, (_, rendered), after = values
    types = {type(before), type(rendered), type(after)}
    return len(types) == 1 and types <= {int, float}


async def test_every_attribute_of_a_broker(kafka: Kafka) -> None:
    """Names, attributes, types and values are the same, but for numbers that never stand still."""
    differing: dict[Key, tuple[Value, tuple[str, Value], Value]] | None = None
    for _ in range(ROUNDS):
        before, rendered, after = (
            await ours(kafka.jmx_port),
            theirs(kafka.jmx_port),
            await ours(kafka.jmx_port),
        )
        assert before.keys() & after.keys() <= rendered.keys() <= before.keys() | after.keys()
        common = before.keys() & rendered.keys() & after.keys()
        assert len(common) > 5000
        found = {
            key: (before[key], rendered[key], after[key])
            for key in common
            if not agrees(before[key], rendered[key], after[key])
        }
        differing = found if differing is None else {k: found[k] for k in differing if k in found}
        if not differing:
            break
    assert differing is not None
    print(f"compared {len(common)}: {Counter(java_type for java_type, _ in rendered.values())}")
    print(f"never agreed: {sorted(differing)}")
    assert {key: values for key, values in differing.items() if not is_restless(values)} == {}
    assert len(differing) < UNSTABLE_RATIO * len(common)
