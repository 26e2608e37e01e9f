"""Last metrics of consumers, by target."""

from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.values import Value
from jmxbridge.mbeans.consumers import CLOSED, MAX_GONE, Consumers
from jmxbridge.mbeans.reading import Reading
from jmxbridge.mbeans.rule import Field, Rule

FETCHES = "kafka.consumer:type=consumer-fetch-manager-metrics,client-id="


def rule(bean: str = f"{FETCHES}*", attribute: str = "records-lag-max") -> Rule:
    field = Field(attribute, (), "f")
    return Rule("consumer", (ObjectName.parse(bean),), "kafka_consumer", {}, (field,))


def said(client_id: str, suffix: str = "", **values: Value) -> Reading:
    name = ObjectName.parse(f"{FETCHES}{client_id}{suffix}")
    return Reading(rule(), name, {key.replace("_", "-"): value for key, value in values.items()})


def test_consumers_learn_the_numbers_of_a_poll() -> None:
    """NaN, which a consumer reports before its first fetch, is unknown."""
    consumers = Consumers()
    readings = [
        said("a", records_lag_max=7.0, records_consumed_total=12.0),
        said("b", records_lag_max=float("nan"), records_consumed_rate=0.5),
        said("a", ",topic=x", records_lag_max=99.0),
    ]
    consumers.learn("app", readings, [rule()], time_ns=5, host="10.0.0.7")
    a, b = consumers.all()
    assert (a.client_id, a.target, a.host, a.time_ns) == ("a", "app", "10.0.0.7", 5)
    assert (a.lag_max, a.consumed_total, a.consumed_rate) == (7.0, 12.0, None)
    assert (b.lag_max, b.consumed_total, b.consumed_rate) == (None, None, 0.5)


def test_a_closed_consumer_is_gone() -> None:
    """Its MBean is gone while the JVM answers; it keeps its last time, and may come back."""
    consumers = Consumers()
    consumers.learn("app", [said("a", records_lag_max=7.0)], [rule()], time_ns=5)
    consumers.learn("app", [], [rule()], time_ns=15)
    (gone,) = consumers.all()
    assert (gone.gone, gone.time_ns, gone.lag_max) == (CLOSED, 5, 7.0)
    consumers.learn("app", [said("a", records_lag_max=1.0)], [rule()], time_ns=25)
    (back,) = consumers.all()
    assert (back.gone, back.time_ns) == (None, 25)


def test_consumers_of_a_jvm_that_is_down_are_gone() -> None:
    """With the reason; those of other targets stay."""
    consumers = Consumers()
    consumers.learn("app", [said("a")], [rule()], time_ns=5)
    consumers.learn("other", [said("a")], [rule()], time_ns=5)
    consumers.lose("app", "Connection refused")
    consumers.lose("never-heard-of", "Connection refused")
    assert [(consumer.target, consumer.gone) for consumer in consumers.all()] == [
        ("app", "Connection refused"),
        ("other", None),
    ]
    consumers.forget("app")
    assert [consumer.target for consumer in consumers.all()] == ["other"]


def test_a_poll_without_consumer_rules_changes_nothing() -> None:
    """A rule with `every` that is not due, or other rules: no consumer is taken for gone."""
    consumers = Consumers()
    consumers.learn("app", [said("a")], [rule()], time_ns=5)
    for other in (
        rule("java.lang:type=Memory"),
        rule(f"{FETCHES}*,topic=*"),
        rule(attribute="fetch-rate"),
    ):
        consumers.learn("app", [], [other], time_ns=15)
    (still,) = consumers.all()
    assert still.gone is None


def test_consumers_keep_a_bounded_number_of_gone_ones() -> None:
    """An application may use a new client id at every start; the newest are kept."""
    consumers = Consumers()
    for n in range(MAX_GONE + 5):
        consumers.learn("app", [said(f"c{n}")], [rule()], time_ns=n)
    known = consumers.all()
    assert len(known) == MAX_GONE + 1
    assert "c3" not in {consumer.client_id for consumer in known}
