"""Topics by the names that consumers before Kafka 4.1 give them."""

from hypothesis import given
from hypothesis import strategies as st

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
