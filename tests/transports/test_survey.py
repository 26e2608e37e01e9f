"""survey: what each rule takes of a JVM, or why it could not be read."""

import asyncio
from collections.abc import Sequence

import pytest

from jmxbridge.jmx.errors import ConnectionFailed
from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.mbeans.reading import Reading
from jmxbridge.mbeans.rule import Field, Rule
from jmxbridge.transports.survey import Survey, survey


def rule(key: str, *, optional: bool = False) -> Rule:
    """Make a rule that gives each MBean of a type a series."""
    bean = ObjectName.parse(f"a:type={key},name=*")
    field = Field("Value", (), "value")
    return Rule("s", (bean,), key, {"name": "name"}, (field,), optional=optional)


class Scripted:
    """A transport that has some MBeans of each type, an error, or no answer."""

    def __init__(self, mbeans: dict[str, int], error: Exception | None = None) -> None:
        self.series_limited = 3
        self.peer_host: str | None = None
        self.costs: dict[str, int] = {}
        self.closed = False
        self._mbeans = mbeans
        self._error = error

    async def fetch(self, rules: Sequence[Rule]) -> list[Reading]:
        if self._error is not None:
            raise self._error
        if not self._mbeans:
            await asyncio.Event().wait()
        return [
            Reading(rule, ObjectName.parse(f"a:type={rule.measurement},name={n}"), {"Value": 1.0})
            for rule in rules
            for n in range(self._mbeans[rule.measurement])
        ]

    async def close(self) -> None:
        self.closed = True
        self.series_limited = 0  # as real transports do: the catalog ends with the connection


async def look(transport: Scripted, *rules: Rule, timeout_s: float = 5.0) -> Survey:
    """Survey with a clock that advances by a second at each reading."""
    seconds = iter(range(100))
    result = await survey(
        "t", transport, rules, timeout_s=timeout_s, clock_s=lambda: float(next(seconds))
    )
    assert transport.closed
    return result


async def test_survey_counts_what_each_rule_takes() -> None:
    """MBeans by rule, series by measurement, rules that take nothing unless they may."""
    rules = [rule("x"), rule("y"), rule("z", optional=True)]
    result = await look(Scripted({"x": 2, "y": 0, "z": 0}), *rules)
    assert [count for _, count in result.rules] == [2, 0, 0]
    assert result.idle_rules == [rules[1]]
    assert dict(result.series) == {"x": 2}
    assert (result.error, result.series_limited, result.seconds) == (None, 3, 1.0)


@pytest.mark.parametrize(
    ("transport", "timeout_s", "word"),
    [
        (Scripted({}, ConnectionFailed("no way to a:1", error_class="refused")), 5.0, "no way"),
        (Scripted({}), 0.0, "no answer within 0 s"),
    ],
    ids=["refused", "silent"],
)
async def test_survey_of_an_unreachable_jvm_has_an_error(
    transport: Scripted, timeout_s: float, word: str
) -> None:
    """It is no empty result: the error is the reason, and no rule is idle."""
    result = await look(transport, rule("x"), timeout_s=timeout_s)
    assert result.error is not None
    assert word in result.error
    assert result.idle_rules == []
