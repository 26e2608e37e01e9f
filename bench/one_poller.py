"""One JMX poller: `python -m bench.one_poller NAME HOST PORT WORK PACKS TARGET_PID POLLS`.

It runs in a separate process, so that CPU and memory are its own, and imports only what it needs.
WORK is a file with one line per MBean: name, tab, attributes. PACKS are the rule sets that read
exactly that, or `-`. Output: a `Cost` as JSON.

- ours: the JMX library, reading only;
- frozen: the bridge from the poll to frozen lines, with PACKS or with one rule per kind of MBean
  and every key property as a tag;
- spool: the same until the lines are durable in the spool;
- floor: send our requests and receive as many bytes as the replies have, decoding nothing;
- jolokia: one POST for everything to the agent in the JVM, and parse its JSON; HOST:PORT is the
  agent.
"""

import asyncio
import itertools
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cost import Cost, Meter, rss_mb

if TYPE_CHECKING:
    from jmxbridge.mbeans.rule import Rule
    from jmxbridge.transports.rmi import RmiTransport

WARM_UPS = 3  # polls not counted: JVMs compile, we learn reply templates
PAUSE_S = 0.05  # between polls, so that one does not overlap the garbage of the last
TIMEOUT_S = 60.0
INTERVAL_NS = 10**10

Work = list[tuple[str, list[str]]]
Poll = Callable[[], Awaitable[int]]
Frozen = Callable[[int], Awaitable[tuple[list[bytes], int]]]
"""Polls at an instant; returns the lines and the number of values in them."""


def read_work(file: str) -> Work:
    """Return names and attributes."""
    lines = [line.split("\t") for line in Path(file).read_text().splitlines()]
    return [(name, attributes.split(",")) for name, attributes in lines]


async def timed(meter: Meter, polls: int, poll: Poll) -> Cost:
    """Poll a few times to warm up, then `polls` times measured."""
    for _ in range(WARM_UPS):
        await poll()
    for _ in range(polls):
        await asyncio.sleep(PAUSE_S)
        meter.start()
        meter.stop(await poll())
    return replace(meter.cost(), rss_mb=rss_mb("self"))


async def ours(host: str, port: int, work: Work, meter: Meter, polls: int) -> Cost:
    """Poll over one kept connection, names known."""
    from jmxbridge.jmx import ObjectName, RemoteException, connect

    async with connect(host, port, timeout_s=TIMEOUT_S) as connection:
        wanted = tuple((ObjectName.parse(name), tuple(names)) for name, names in work)
        work.clear()  # not part of the library's memory

        async def poll() -> int:
            answers = await connection.get_many(wanted)
            return sum(len(a) for a in answers if not isinstance(a, RemoteException))

        before = connection.traffic
        cost = await timed(meter, polls, poll)
        after = connection.traffic
        rounds = polls + WARM_UPS
        return replace(
            cost,
            round_trips=(after.round_trips - before.round_trips) // rounds,
            bytes=(after.bytes_received - before.bytes_received) // rounds,
        )


@asynccontextmanager
async def bridged(
    host: str, port: int, work: Work, packs: Sequence[str]
) -> AsyncIterator[tuple[Frozen, "RmiTransport"]]:
    """Yield a function that polls a bridge target, and the target's transport."""
    import time

    from jmxbridge.config.loader import pack_rules
    from jmxbridge.influx.encode import encode_points
    from jmxbridge.mbeans.points import PointMaker
    from jmxbridge.pollers.backoff import Backoff
    from jmxbridge.pollers.schedule import RuleSchedule, Tick
    from jmxbridge.pollers.target import Target
    from jmxbridge.service.garbage import collect_seldom
    from jmxbridge.transports.rmi import RmiTransport

    collect_seldom()
    transport = RmiTransport(host, port, clock_s=time.monotonic)
    target = Target(
        "bench",
        transport=transport,
        rules=RuleSchedule(
            [rule for pack in packs for rule in pack_rules(pack)] or rules(work), INTERVAL_NS
        ),
        point_maker=PointMaker({"cluster": "bench", "target": "bench"}),
        deadline_s=TIMEOUT_S,
        backoff=Backoff(0.0, lambda: 0.0),
    )

    async def poll(time_ns: int) -> tuple[list[bytes], int]:
        points = await target.poll(Tick(time_ns, 0))
        return encode_points(points), int(points[-1].fields["values"])

    yield poll, transport
    await target.close()


async def frozen(
    host: str, port: int, work: Work, meter: Meter, polls: int, packs: Sequence[str]
) -> Cost:
    """Poll as the bridge does, up to frozen lines."""
    instants = itertools.count(INTERVAL_NS, INTERVAL_NS)
    async with bridged(host, port, work, packs) as (lines, transport):

        async def poll() -> int:
            return (await lines(next(instants)))[1]

        cost = await timed(meter, polls, poll)
        costs = transport.costs
    return replace(cost, round_trips=costs["round_trips"], bytes=costs["bytes_received"])


async def spool(
    host: str, port: int, work: Work, meter: Meter, polls: int, packs: Sequence[str]
) -> Cost:
    """Poll as the bridge does, until the lines are durable."""
    import tempfile

    from jmxbridge.store import Store

    instants = itertools.count(INTERVAL_NS, INTERVAL_NS)
    with tempfile.TemporaryDirectory(prefix="jmxbridge-bench-") as folder:
        store = await Store.open(Path(folder) / "s.sqlite3", max_bytes=1 << 34, retain_s=None)
        async with bridged(host, port, work, packs) as (lines, transport):

            async def poll() -> int:
                time_ns = next(instants)
                frozen_lines, values = await lines(time_ns)
                await store.append(frozen_lines, time_ns=time_ns, source="bench")
                return values

            cost = await timed(meter, polls, poll)
            costs = transport.costs
        await store.close()
    return replace(cost, round_trips=costs["round_trips"], bytes=costs["bytes_received"])


def rules(work: Work) -> "list[Rule]":
    """Return one rule per kind of MBean; Name is a string, all else a float."""
    from jmxbridge.jmx import ObjectName
    from jmxbridge.mbeans.rule import Field, FieldType, Rule

    by_kind: dict[tuple[str, ...], Rule] = {}
    for text, attributes in work:
        name = ObjectName.parse(text)
        keys = sorted(name.properties)
        kind = (name.domain, name.properties["type"], *keys)
        if kind in by_kind:
            continue
        pattern = ",".join(f"{key}=*" for key in keys if key != "type")
        by_kind[kind] = Rule(
            "bench",
            (ObjectName.parse(f"{name.domain}:type={name.properties['type']},{pattern}"),),
            f"bench_{len(by_kind)}",
            {key: key for key in keys if key != "type"},
            tuple(
                Field(attr, (), attr, FieldType.STRING if attr == "Name" else FieldType.FLOAT)
                for attr in attributes
            ),
        )
    return list(by_kind.values())


async def floor(host: str, port: int, work: Work, meter: Meter, polls: int) -> Cost:
    """Send our requests at once and count the bytes received."""
    import select
    import socket

    from jmxbridge.jmx import ObjectName, connect
    from jmxbridge.jmx.rmi.calls import get_attributes

    async with connect(host, port, timeout_s=TIMEOUT_S) as connection:
        own, channel = connection._own, connection._channel
        wanted = [(ObjectName.parse(name), tuple(names)) for name, names in work]
        before = connection.traffic.bytes_received
        answers = await connection.get_many(wanted)
        size = connection.traffic.bytes_received - before
        requests = b"".join(get_attributes(own, *names).request for names in wanted)
        transport = channel._transport
        assert transport is not None
        transport.pause_reading()
        sock = socket.socket(fileno=transport.get_extra_info("socket").fileno())
        waiting = select.poll()
        room = memoryview(bytearray(1 << 18))

        def receive() -> None:
            got, sent = 0, 0
            while got < size:
                mark = max(1, min(size - got, 1 << 16))
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, mark)
                writes = select.POLLOUT if sent < len(requests) else 0
                waiting.register(sock, select.POLLIN | writes)
                for _, event in waiting.poll(5):
                    if event & select.POLLOUT:
                        sent += sock.send(memoryview(requests)[sent:])
                    if event & select.POLLIN:
                        got += sock.recv_into(room)
                    break
                else:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
                    if waiting.poll(0):
                        got += sock.recv_into(room)

        async def poll() -> int:
            receive()
            return sum(map(len, answers))  # type: ignore[arg-type]

        cost = await timed(meter, polls, poll)
        sock.detach()
        return replace(cost, round_trips=1, bytes=size)


async def jolokia(host: str, port: int, work: Work, meter: Meter, polls: int) -> Cost:
    """Ask the agent for all in one POST over a kept connection, and read its JSON."""
    import http.client

    body = json.dumps(
        [{"type": "read", "mbean": name, "attribute": names} for name, names in work]
    ).encode()
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    size = 0

    async def poll() -> int:
        nonlocal size
        connection.request("POST", "/jolokia/", body, {"Content-Type": "application/json"})
        data = connection.getresponse().read()
        size = len(data)
        return sum(len(answer["value"]) for answer in json.loads(data))

    cost = await timed(meter, polls, poll)
    connection.close()
    return replace(cost, round_trips=1, bytes=size)


Poller = Callable[[str, int, Work, Meter, int], Coroutine[None, None, Cost]]
POLLERS: dict[str, Poller] = {"ours": ours, "floor": floor, "jolokia": jolokia}
BRIDGES = {"frozen": frozen, "spool": spool}


def main() -> None:
    """Run one poller."""
    name, host, port, file, packs, target_pid, polls = sys.argv[1:]
    work = read_work(file)
    meter = Meter(int(target_pid), len(work))
    if name in BRIDGES:
        poller: Poller = partial(BRIDGES[name], packs=[] if packs == "-" else packs.split(","))
    else:
        poller = POLLERS[name]
    cost = asyncio.run(poller(host, int(port), work, meter, int(polls)))
    sys.stdout.write(json.dumps(asdict(cost)) + "\n")


if __name__ == "__main__":
    main()
