"""The demo says it went well only if it did."""

from collections.abc import Sequence

import pytest

from demo.bridge import polls_of
from demo.story import options
from demo.verdict import Climb, Poll, judge

CLIMB = Climb(start_ns=95, end_ns=165)  # at an interval of 10, the polls of 100 to 150

# what happened, the lags of the polls from 80 on, part of the complaint
CASES: list[tuple[str, Sequence[int], str | None]] = [
    ("as told", [0, 4, 5, 9, 12, 20, 21, 30, 31, 8, 0], None),
    ("before and after the climb it may fall", [9, 1, 2, 3, 4, 5, 6, 7, 2, 1, 0], None),
    ("it stood still once", [0, 0, 5, 9, 9, 20, 21, 30, 12, 0, 0], "did not rise at the poll"),
    ("it fell once", [0, 0, 5, 9, 8, 20, 21, 30, 12, 0, 0], "did not rise at the poll of 120"),
    ("the last of them fell", [0, 0, 5, 9, 12, 20, 21, 3, 12, 0, 0], "at the poll of 150"),
    ("it never came back to 0", [0, 0, 5, 9, 12, 20, 21, 30, 12, 5, 1], "it is 1"),
    ("it left 0 again", [0, 0, 5, 9, 12, 20, 21, 30, 0, 0, 1], "did not fall to 0"),
    ("the bridge ended early", [0, 0, 5, 9, 12, 20, 21], "no poll came after"),
    ("the bridge slept", [0, 0, 5, 9], "only 2 polls"),
    ("there are no points", [], "only 0 polls"),
]


@pytest.mark.parametrize(
    ("lags", "complaint"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_verdict_wants_lag_to_rise_and_end_at_zero(
    lags: Sequence[int], complaint: str | None
) -> None:
    """The lag rises at each poll of the climb, and the last poll of all has 0."""
    polls = [Poll(80 + 10 * number, lag) for number, lag in enumerate(lags)]
    said = judge(polls, CLIMB, interval_ns=10)
    if complaint is None:
        assert said == []
    else:
        assert complaint in " ".join(said)


def test_verdict_leaves_out_polls_that_may_be_after_the_climb() -> None:
    """The poll due at 160 may read at 169, when the consumer is back."""
    lags = {100: 1, 110: 2, 120: 3, 130: 4, 140: 5, 150: 6, 160: 0, 170: 0}
    polls = [Poll(time_ns, lag) for time_ns, lag in lags.items()]
    assert judge(polls, CLIMB, interval_ns=10) == []


def test_the_lag_is_read_from_the_points_of_the_group() -> None:
    """Other groups, other measurements and points without a sum are passed over."""
    lines = [
        b"kafka_consumer_lag_group,cluster=demo,group=billing complete=true,lag_sum=7i,x=1i 10",
        b"kafka_consumer_lag_group,cluster=demo,group=other complete=true,lag_sum=9i 10",
        b"kafka_consumer_lag_topic,cluster=demo,group=billing,topic=orders lag_sum=7i 10",
        b"kafka_consumer_lag_group,cluster=demo,group=billing complete=false 20",
        b"kafka_consumer_lag_group,cluster=demo,group=billing lag_sum=8i 30",
    ]
    assert polls_of(lines, "billing") == [Poll(10, 7), Poll(30, 8)]


@pytest.mark.parametrize("off", ["", "0"])
def test_options_are_off_unless_they_say_something(off: str) -> None:
    """`make demo ONCE=0` is `make demo`."""
    assert not options({"ONCE": off}).once
    assert not options({}).influx
    assert options({"ONCE": "1", "INFLUX": off}).once
    assert options({"INFLUX": "1"}).influx
