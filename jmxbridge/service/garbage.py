"""How often Python looks for reference cycles, in a process that polls for months.

Theory. Python frees what nobody refers to at once; the collector is there for cycles alone. It runs
after every 700 objects that were made and are still there. A poll of 30,000 partitions makes a
hundred thousand at a stretch, none of them in a cycle, and lets go of all of them a moment later:
so the collector walks rows and points over and over, for nothing. Where all rows have moved, 277
collections took 240 ms of a poll's 800 ms of CPU, rows to line protocol; set as here, 3 take 65.

So it is told to wait for more, and to leave alone for good what was there before the first poll:
modules, classes, settings. Cycles are still found; they wait a little longer.
"""

import gc

YOUNG = 50_000
"""Objects more, made and still there, before the young ones are looked at. One in a cycle is of
some hundred bytes with what it holds, so not more than about 10 MB wait to be found."""


def collect_seldom() -> None:
    """Set the collector for polling; to be called when everything is loaded."""
    _, middle, old = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, middle, old)
