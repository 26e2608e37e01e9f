"""Reading: the attribute values of one MBean, read for one rule."""

from collections.abc import Mapping
from dataclasses import dataclass

from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.values import Value
from jmxbridge.mbeans.rule import Rule


@dataclass(slots=True)  # never changed, like Point; not frozen, which would cost 1 us
class Reading:
    """Attribute values of one MBean that a rule claims.

    An attribute that the target did not return is absent from `values`: absence is not zero.
    """

    rule: Rule
    name: ObjectName
    values: Mapping[str, Value]
