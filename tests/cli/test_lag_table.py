"""Formats of the lag report, character by character."""

import json
import sys
from types import SimpleNamespace

import pytest

from jmxbridge.cli.lag import show
from jmxbridge.cli.lag_table import (
    RED,
    bars,
    can_draw,
    entry,
    is_colored,
    printed,
    remarks,
    seconds_and_status,
    status_origin,
)
from jmxbridge.kafka.facts.members import Member, Membership
from jmxbridge.kafka.facts.snapshot import Description, Group, Snapshot
from jmxbridge.lag.history.end_offset_history import TimeLag
from jmxbridge.lag.history.status import Status
from jmxbridge.lag.report.look import LagDetails
from jmxbridge.lag.report.table import GroupTable, tables

READER = Member("c-1", "orders", "/10.0.0.7", (("bills", 0), ("bills", 1)))
DESCRIPTION = Description(
    Snapshot(
        groups={"billing": Group("billing", 1, state="Stable")},
        commits={"billing": {"bills": {0: 4, 1: 10}, "gone": {0: 7}}},
        end_offsets={"bills": {0: 10, 1: 1210}},
        orphaned=frozenset({("gone", 0)}),
    ),
    {"billing": Membership("billing", "Stable", (READER,))},
)
LOOK = LagDetails(
    time_lags={("billing", "bills", 0): TimeLag(3.4), ("billing", "bills", 1): TimeLag(75.2, True)},
    statuses={("billing", "bills", 0): Status.OK, ("billing", "bills", 1): Status.STALL},
    clients={"billing": ["client orders of target app is slow: it reads"]},
    losses={"billing": ["3 records were deleted from bills unread"]},
    transactions={"billing": ["9 records of bills wait behind a transaction"]},
    trends={("billing", "bills"): (0, 600, 1206), ("other", "bills"): (1,)},
)


def table() -> GroupTable:
    """Return the one group of DESCRIPTION."""
    (made,) = tables(DESCRIPTION)
    return made


def test_table_has_seconds_and_status_after_the_lag() -> None:
    """The largest lag first; `>` is at least; a deleted topic has `-`."""
    assert printed(table(), LOOK, red=False) == [
        "",
        "GROUP   TOPIC PARTITION CURRENT-OFFSET LOG-END-OFFSET LAG  SECONDS STATUS"
        " CONSUMER-ID HOST      CLIENT-ID",
        "billing bills 1         10             1210           1200 >75     STALL "
        " c-1         /10.0.0.7 orders",
        "billing bills 0         4              10             6    3       OK    "
        " c-1         /10.0.0.7 orders",
        "billing gone  0         7              -              -    -       -     "
        " -           -         -",
    ]


def test_table_marks_inexact_seconds() -> None:
    """Exact, about, or at least."""
    row = table().rows[0]
    delays = (TimeLag(3.4), TimeLag(75.0, approximate=True), TimeLag(75.0, at_least=True))
    cells = [
        seconds_and_status(row, LagDetails(time_lags={row.place: delay}))[0] for delay in delays
    ]
    assert cells == ["3", "~75", ">75"]


def test_table_without_history_has_kafkas_columns() -> None:
    """A script that parses kafka-consumer-groups.sh can parse this output."""
    head = printed(table(), LagDetails(), red=False)[1].split()
    assert head == [
        *("GROUP", "TOPIC", "PARTITION", "CURRENT-OFFSET", "LOG-END-OFFSET", "LAG"),
        *("CONSUMER-ID", "HOST", "CLIENT-ID"),
    ]


def test_bars_of_a_topic() -> None:
    """Scaled to the highest lag, then the time to catch up; red if there is lag."""
    assert bars(table(), LOOK, red=False) == ["bills ▁▅█ 1,206"]
    assert bars(table(), LOOK, red=True) == ["bills \x1b[31m▁▅█\x1b[0m 1,206"]
    still = LagDetails(trends={("billing", "bills"): (0, 0)})
    assert bars(table(), still, red=True) == ["bills ▁▁ 0"]
    gaining = LagDetails(trends={("billing", "bills"): (4, 2)}, eta_s={("billing", "bills"): 75.0})
    assert bars(table(), gaining, red=False) == ["bills █▅ 2, caught up in 1 min 15 s"]


def test_bars_for_an_ascii_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """If stdout cannot encode block characters, the bars are ASCII."""
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(encoding="ascii"))
    assert not can_draw()
    assert bars(table(), LOOK, red=False) == ["bills _=# 1,206"]


@pytest.mark.parametrize(
    ("terminal", "no_color", "coloured"),
    [(True, None, True), (False, None, False), (True, "1", False), (True, "", False)],
)
def test_colors_are_for_terminals_without_no_color(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, no_color: str | None, coloured: bool
) -> None:
    """NO_COLOR, with any value, and a pipe turn them off."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color is not None:
        monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(isatty=lambda: terminal))
    assert is_colored() is coloured
    assert any(RED in line for line in printed(table(), LOOK, red=coloured)) is coloured


def test_remarks_begin_with_the_groups_name() -> None:
    """The reason for its lag, its losses, open transactions, then its consumers."""
    assert remarks(table(), LOOK) == [
        "group billing is 1,206 records behind on 2 of 2 partitions, 1,200 of them on bills 1;"
        " 1 partition could not be read",
        "group billing: 3 records were deleted from bills unread",
        "group billing: 9 records of bills wait behind a transaction",
        "group billing: client orders of target app is slow: it reads",
    ]


@pytest.mark.parametrize(
    ("details", "origin"),
    [
        (LagDetails(), None),
        (LagDetails(statuses=LOOK.statuses, status_age_s=0.0), None),
        (LagDetails(status_age_s=30.0), None),
        (
            LagDetails(statuses=LOOK.statuses, status_age_s=75.2),
            "STATUS: judged by `jmxbridge run` 1 min 15 s ago",
        ),
        (
            LagDetails(status_age_s=7380.0, statuses_too_old=True),
            "STATUS: none, since `jmxbridge run` has judged nothing for 2 h 3 min; start it, or"
            " use --watch to judge from several looks",
        ),
    ],
)
def test_status_origin_says_how_old_a_status_of_run_is(
    details: LagDetails, origin: str | None
) -> None:
    """Not of statuses that the looks have judged, and not where no status is shown."""
    assert status_origin(details) == origin


def test_the_origin_of_the_statuses_comes_with_rows_only(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """On stderr, after the groups; in JSON as a number."""
    details = LagDetails(statuses=LOOK.statuses, status_age_s=30.0004)
    show(DESCRIPTION, details, [], as_json=False)
    assert capsys.readouterr().err.endswith("\nSTATUS: judged by `jmxbridge run` 30 s ago\n")

    nothing = Description(Snapshot(groups={}, commits={}, end_offsets={}), {})
    show(nothing, details, [], as_json=False)
    assert capsys.readouterr() == ("", "")

    show(DESCRIPTION, details, [], as_json=True)
    assert json.loads(capsys.readouterr().out)["status_age_seconds"] == 30.0


def test_control_characters_in_names_are_removed() -> None:
    """A line break would make a row of its own, an escape sequence could do anything."""
    name = "a\nb\x1b[2J"
    reader = Member("c\r-1", "c\r", "/10.0.0.7", (("bills", 0),))
    description = Description(
        Snapshot(
            groups={name: Group(name, 1, state="Stable")},
            commits={name: {"bills": {0: 4}}},
            end_offsets={"bills": {0: 10}},
        ),
        {name: Membership(name, "Stable", (reader,))},
    )
    (made,) = tables(description)
    look = LagDetails(clients={name: ["client c\r of target app is slow"]})

    client = ["c\\r-1", "/10.0.0.7", "c\\r"]

    lines = [*printed(made, look, red=False), *remarks(made, look)]

    assert all(line.isprintable() for line in lines)
    assert lines[2].split() == ["a\\nb\\x1b[2J", "bills", "0", "4", "10", "6", *client]


def test_lag_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    """With kind and version; offsets are numbers, null if unknown."""
    show(DESCRIPTION, LOOK, ["target app: refused"], as_json=True)
    document = json.loads(capsys.readouterr().out)
    assert (document["kind"], document["version"]) == ("lag", 1)
    assert document["errors"] == ["target app: refused"]
    (group,) = document["groups"]
    assert group == entry(table(), LOOK)
    assert group["losses"] == ["3 records were deleted from bills unread"]
    assert group["transactions"] == ["9 records of bills wait behind a transaction"]
    assert group["clients"] == ["client orders of target app is slow: it reads"]
    assert group["partitions"][1] == {
        "topic": "bills",
        "partition": 1,
        "current_offset": 10,
        "start_offset": None,
        "log_end_offset": 1210,
        "stable_end_offset": None,
        "lag": 1200,
        "seconds": 75.2,
        "seconds_at_least": True,
        "seconds_approximate": False,
        "status": "STALL",
        "consumer_id": "c-1",
        "host": "/10.0.0.7",
        "client_id": "orders",
    }
    assert group["partitions"][2]["status"] is None


def test_lag_prints_rows_on_stdout_and_remarks_on_stderr(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Warnings go to stderr too."""
    show(DESCRIPTION, LOOK, ["target app: refused"], as_json=False, graph=True)
    out, err = capsys.readouterr()
    assert out.splitlines()[-1].startswith("bills ")
    assert err.splitlines()[0].startswith("group billing is 1,206 records behind")
    assert "group billing: 9 records of bills wait behind a transaction" in err.splitlines()
    assert err.splitlines()[-1] == "warning: target app: refused"
