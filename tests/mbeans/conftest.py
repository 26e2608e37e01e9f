"""Rules written in one line."""

from collections.abc import Callable, Mapping

import pytest

from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.mbeans.rule import Field, Rule


@pytest.fixture
def rule() -> Callable[..., Rule]:
    """Make a rule: patterns, and whatever else it should say."""

    def make(
        *beans: str,
        fields: tuple[Field, ...] = (Field("Value", (), "value"),),
        tags: Mapping[str, str] | None = None,
        measurement: str = "m",
        limit: int | None = None,
        sum_over: tuple[str, ...] = (),
    ) -> Rule:
        patterns = tuple(ObjectName.parse(bean) for bean in beans)
        return Rule("s", patterns, measurement, tags or {}, fields, limit=limit, sum_over=sum_over)

    return make
