"""Topics by the names that consumers before Kafka 4.1 give them."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.mbeans.points import PointMaker, to_points
from jmxbridge.mbeans.reading import Reading
from jmxbridge.mbeans.rule import Rule
from jmxbridge.mbeans.topics import TopicNames

TOPICS = st.text(alphabet="ab._-", min_size=1, max_size=6)


@given(topics=st.sets(TOPICS, max_size=8), said=TOPICS)
def test_a_name_is_resolved_to_a_topic_that_would_be_said_so(topics: set[str], said: str) -> None:
    """Never to a name that a consumer would say otherwise, and never where two would fit."""
    names = TopicNames()
    names.learn(topics)
    meant = [topic for topic in topics if topic.replace(".", "_") == said]
    assert names.resolve(said) == (meant[0] if len(meant) == 1 else said)


def test_what_was_known_before_is_forgotten() -> None:
    """A topic may be deleted and made again under its other name."""
    names = TopicNames()
    names.learn(["a.b"])
    names.learn(["a_b"])
    assert names.resolve("a_b") == "a_b"


def test_what_an_incomplete_answer_lacks_is_still_known() -> None:
    """A broker that does not answer must not make series change their tags."""
    names = TopicNames()
    names.learn(["a.b"])
    names.learn(["c.d"], complete=False)
    assert (names.resolve("a_b"), names.resolve("c_d")) == ("a.b", "c.d")


def test_only_consumers_say_topics_otherwise(rule: Callable[..., Rule]) -> None:
    """A consumer's a_b joins the offsets' a.b; a broker's topic is what it says."""
    names = TopicNames()
    names.learn(["web.orders"])
    found = []
    for bean in ("kafka.consumer:type=F", "kafka.log:type=Log"):
        made = rule(f"{bean},topic=*", tags={"topic": "topic"})
        reading = Reading(made, ObjectName.parse(f"{bean},topic=web_orders"), {"Value": 1.0})
        points = to_points([reading], time_ns=0, tags={}, resolve_topic=names.resolve).points
        found += [point.tags["topic"] for point in points]
    assert found == ["web.orders", "web_orders"]


def test_a_topic_that_gets_known_later_gets_its_name_then(rule: Callable[..., Rule]) -> None:
    """Tags are kept from poll to poll, but not a name that turned out to be another."""
    names = TopicNames()
    made = rule("kafka.consumer:type=F,topic=*", tags={"topic": "topic"})
    name = ObjectName.parse("kafka.consumer:type=F,topic=web_orders")
    maker = PointMaker({}, names.resolve)
    found = []
    for known in ([], ["web.orders"], ["web_orders"]):
        names.learn(known)
        [point] = maker.points([Reading(made, name, {"Value": 1.0})], time_ns=0).points
        found.append(point.tags["topic"])
    assert found == ["web_orders", "web.orders", "web_orders"]
