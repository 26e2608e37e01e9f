"""Members that run beside each other and are exchanged while they run."""

import asyncio

import pytest

from jmxbridge.pollers.supervisor import Changes, PollerSpec, Supervisor


class Member:
    """Notes what happens to it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.runs = 0
        self.closed = False
        self.fails = False

    async def run(self) -> None:
        self.runs += 1
        if self.fails:
            raise ValueError(self.name)
        await asyncio.Event().wait()

    async def close(self) -> None:
        self.closed = True


def wanted(*names: str) -> list[PollerSpec[Member]]:
    """Want members whose specification is their name."""
    return [PollerSpec(name, lambda name=name: Member(name)) for name in names]  # type: ignore[misc]


async def started(*names: str) -> Supervisor[Member]:
    """Start a fleet and let every member come to its work."""
    fleet = Supervisor(wanted(*names), Member.run)
    fleet.start()
    await asyncio.sleep(0)
    return fleet


async def test_who_is_wanted_as_before_is_not_touched() -> None:
    """It is the same member, still at the work it began; others come and go around it."""
    fleet = await started("a", "b")
    a, b = fleet.members

    assert await fleet.change(wanted("c", "a")) == Changes(kept=1, begun=1, ended=1)
    await asyncio.sleep(0)

    c, kept = fleet.members
    assert kept is a
    assert (a.runs, a.closed) == (1, False)
    assert (b.runs, b.closed) == (1, True)
    assert (c.name, c.runs, c.closed) == ("c", 1, False)
    await fleet.close()
    assert a.closed
    assert c.closed


async def test_two_that_are_equal_are_two() -> None:
    """A specification that is wanted twice has two members, and once is one fewer."""
    fleet = await started("a", "a")
    assert len({id(member) for member in fleet.members}) == 2
    assert await fleet.change(wanted("a")) == Changes(kept=1, begun=0, ended=1)
    await fleet.close()


async def test_a_member_that_ends_takes_the_fleet_down() -> None:
    """Its error is not lost; being told to end is no error."""
    fleet = Supervisor(wanted("a", "b"), Member.run)
    fleet.members[1].fails = True
    failure = fleet.start()
    with pytest.raises(ValueError, match="b"):
        await failure
    await fleet.close()


async def test_a_member_that_is_cancelled_by_nobody_takes_the_fleet_down() -> None:
    """It awaited something that was cancelled: that ends its task as quietly as an order does."""

    async def run(member: Member) -> None:
        if member.name == "b":
            raise asyncio.CancelledError
        await member.run()

    fleet = Supervisor(wanted("a", "b"), run)
    with pytest.raises(RuntimeError, match="ended by itself"):
        await asyncio.wait_for(fleet.start(), 5.0)
    await fleet.close()


async def test_being_told_to_end_is_no_failure() -> None:
    """Neither by a change nor by a stop."""
    fleet = Supervisor(wanted("a", "b"), Member.run)
    failure = fleet.start()
    await fleet.change(wanted("a"))
    await fleet.stop()
    await asyncio.sleep(0)
    assert not failure.done()
    await fleet.close()


async def test_before_the_start_nothing_runs() -> None:
    """A change before the start is what is started."""
    fleet = Supervisor(wanted("a"), Member.run)
    await fleet.change(wanted("b"))
    (b,) = fleet.members
    assert b.runs == 0
    fleet.start()
    await asyncio.sleep(0)
    assert (b.name, b.runs) == ("b", 1)
    await fleet.close()
