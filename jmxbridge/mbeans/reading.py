"""What came back for one MBean that a rule took."""

from collections.abc import Mapping
from dataclasses import dataclass

from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.values import Value
from jmxbridge.mbeans.rule import Rule


@dataclass(slots=True)  # as a point: never changed, and not frozen because that takes 1 us
class Reading:
    """Attribute values of one MBean, taken by one rule.

    An attribute the target did not answer for is absent from `values`: absence is not zero.
    """

    rule: Rule
    name: ObjectName
    values: Mapping[str, Value]
