"""KnownBrokers: the brokers of a cluster, including those that are down."""

from jmxbridge.kafka.cluster.known_brokers import Brokers, KnownBrokers

ONE: Brokers = {1: ("k1", 9092)}
BOTH: Brokers = {**ONE, 2: ("k2", 9092)}


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_learn_calls_changed_only_for_a_change() -> None:
    """The first brokers, one more, one with another address; nothing if nothing is new."""
    calls: list[Brokers] = []
    brokers = KnownBrokers(lambda: calls.append(brokers.known), clock_s=Clock())
    moved = {1: ("k9", 9092), 2: ("k2", 9092)}
    for live in (ONE, ONE, BOTH, BOTH, moved):
        brokers.learn(live)
    assert calls == [ONE, BOTH, moved]


def test_learn_keeps_a_broker_that_is_down() -> None:
    """Kafka no longer names it; its polls must show that it is down."""
    clock = Clock()
    brokers = KnownBrokers(lambda: None, clock_s=clock, forget_after_s=60)
    brokers.learn(BOTH)
    for _ in range(6):
        clock.now_s += 10
        brokers.learn(ONE)
        assert brokers.known == BOTH


def test_learn_forgets_a_broker_after_a_while() -> None:
    """A broker that was removed for good must not be shown as down for ever."""
    clock = Clock()
    calls: list[Brokers] = []
    brokers = KnownBrokers(lambda: calls.append(brokers.known), clock_s=clock, forget_after_s=60)
    brokers.learn(BOTH)
    clock.now_s = 61
    brokers.learn(ONE)
    assert calls == [BOTH, ONE]
