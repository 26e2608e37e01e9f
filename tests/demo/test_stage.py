"""The story's lines stand between the redraws of a live status, never inside one."""

import io
import os
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from demo.stage import HIDE_CURSOR, SHOW_CURSOR, Splice, Stage

WIPE = b"\r\x1b[2K\x1b[1A\x1b[2K"
FRAME = b"broker-1 up\nlag 12"


def test_stage_writes_a_line_at_once_without_a_live_status() -> None:
    """Before the bridge draws, and where there is no terminal, nothing waits."""
    splice = Splice()
    assert splice.say("Kafka starts") == b"Kafka starts\n"
    assert splice.feed(b"INFO started\n") == b"INFO started\n"
    assert splice.say("records arrive") == b"records arrive\n"


def test_stage_writes_a_line_above_a_live_status() -> None:
    """It is written when the old status is wiped, so the new one is drawn below it."""
    splice = Splice()
    splice.feed(HIDE_CURSOR + FRAME)
    assert splice.say("the consumer stops") == b""
    assert splice.feed(WIPE + FRAME) == WIPE + b"the consumer stops\n" + FRAME
    assert splice.feed(WIPE + FRAME) == WIPE + FRAME


def test_when_the_live_status_ends_what_waits_is_written() -> None:
    """No line is lost with the last redraw, and the next ones do not wait any more."""
    splice = Splice()
    splice.feed(HIDE_CURSOR + FRAME)
    splice.say("stopping")
    assert splice.feed(b"\n" + SHOW_CURSOR) == b"\n" + SHOW_CURSOR + b"stopping\n"
    assert splice.say("stopped") == b"stopped\n"
    assert splice.end() == b""


def test_a_bridge_killed_while_it_draws_leaves_a_usable_terminal() -> None:
    """The cursor is shown again, on a line of its own, and what waited is written."""
    splice = Splice()
    splice.feed(HIDE_CURSOR + FRAME)
    splice.say("it is gone")
    assert splice.end() == b"\n" + SHOW_CURSOR + b"it is gone\n"


STATUS = b"".join((b"log line\n", HIDE_CURSOR, FRAME, WIPE, FRAME, WIPE, FRAME, SHOW_CURSOR))


@given(
    cuts=st.lists(st.integers(0, len(STATUS)), max_size=6).map(sorted),
    said=st.lists(st.integers(0, 6), max_size=4),
)
def test_stage_passes_on_every_byte_once(cuts: Sequence[int], said: Sequence[int]) -> None:
    """The bridge's bytes come out as they went in, each line of the story once and whole."""
    splice = Splice()
    shown = b""
    for number, (start, end) in enumerate(zip([0, *cuts], [*cuts, len(STATUS)], strict=True)):
        for line in [at for at in range(len(said)) if said[at] == number]:
            shown += splice.say(f"<story {line}>")
        shown += splice.feed(STATUS[start:end])
    shown += splice.end()
    for line in range(len(said)):
        if said[line] <= len(cuts):
            assert shown.count(f"<story {line}>\n".encode()) == 1
            shown = shown.replace(f"<story {line}>\n".encode(), b"")
    assert shown == STATUS


def test_stage_passes_on_a_child_without_a_terminal_unchanged() -> None:
    """In a log of CI the bridge's own log lines stand among the story's."""
    out = io.TextIOWrapper(io.BytesIO())
    stage = Stage(out)
    child = stage.admit()
    os.write(child, b"INFO target billing-1: down\n")
    os.close(child)
    stage.dismiss()
    stage.say("the lag climbs")
    assert isinstance(out.buffer, io.BytesIO)
    assert out.buffer.getvalue() == b"INFO target billing-1: down\nthe lag climbs\n"
