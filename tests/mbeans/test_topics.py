"""Names of topics, and the names that consumers before Kafka 4.1 report."""

from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.mbeans.topics import TopicNames

TOPICS = st.text(alphabet="ab._-", min_size=1, max_size=6)


@given(topics=st.sets(TOPICS, max_size=8), reported=TOPICS)
def test_topic_names_resolve_to_the_one_topic_that_fits(topics: set[str], reported: str) -> None:
    """Never to a topic that a consumer would name differently, and not if two fit."""
    names = TopicNames()
    names.learn(topics)
    meant = [topic for topic in topics if topic.replace(".", "_") == reported]
    assert names.resolve(reported) == (meant[0] if len(meant) == 1 else reported)


def test_topic_names_forget_deleted_topics() -> None:
    """A topic may be deleted and created again under its other name."""
    names = TopicNames()
    names.learn(["a.b"])
    names.learn(["a_b"])
    assert names.resolve("a_b") == "a_b"


def test_topic_names_survive_an_incomplete_answer() -> None:
    """A broker that does not answer must not change the tags of series."""
    names = TopicNames()
    names.learn(["a.b"])
    names.learn(["c.d"], complete=False)
    assert (names.resolve("a_b"), names.resolve("c_d")) == ("a.b", "c.d")
