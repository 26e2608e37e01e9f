"""How a target's times fit into each other, whatever the interval of a file."""

from jmxbridge.build import CONNECT_SHARE, DEADLINE_SHARE
from jmxbridge.pollers.schedule import SPREAD_SHARE


def test_connecting_ends_before_the_poll_is_given_up() -> None:
    """Also for a target that begins as late as any may: so it is heard what did not answer."""
    assert DEADLINE_SHARE * CONNECT_SHARE < DEADLINE_SHARE - SPREAD_SHARE
