"""The story of `make demo`: a consumer stops, the lag climbs; it comes back, the lag falls.

    python -m demo.story             repeats until Ctrl-C
    ONCE=1 python -m demo.story      plays one round; exits 0 only if the lag rose and fell
    INFLUX=1 python -m demo.story    writes to a real InfluxDB and reads the lag from there

All servers are its children, listen on loopback, keep their data in a temporary folder and end with
it.
"""

import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from demo.bridge import DATABASE, INFLUXQL, Bridge
from demo.cache import INFLUXD_VERSION, KAFKA_VERSION
from demo.servers import Client, Influx, Kafka, ServerError, end_with_parent
from demo.stage import Stage
from demo.verdict import Climb, Poll, judge

TOPIC = "orders"
GROUP = "billing"
PARTITIONS = 3
BATCH = 40  # records, about ten times a second
BATCH_EVERY_S = 0.1
CATCH_UP_PER_S = 1500  # slow enough to watch the lag fall
INTERVAL_S = 2  # short enough to watch, long enough for a busy machine
CALM_POLLS = 4
CLIMB_POLLS = 8
REST_POLLS = 3
ARRIVE_S = 30.0
NS = 10**9


@dataclass(frozen=True, slots=True)
class Options:
    """Options from the environment, where `make demo ONCE=1` puts them."""

    once: bool
    influx: bool


def options(environ: Mapping[str, str]) -> Options:
    """Read the options; unset, empty and 0 mean off."""
    on = {name for name in ("ONCE", "INFLUX") if environ.get(name, "0") not in ("", "0")}
    return Options(once="ONCE" in on, influx="INFLUX" in on)


class Ending:
    """Turns SIGINT, SIGTERM and SIGHUP into KeyboardInterrupt.

    Python drops an exception that a signal raises inside a fork hook, so `check` raises it again.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __init__(self) -> None:
        self._wanted = False
        self._pid = os.getpid()
        for number in self.SIGNALS:
            signal.signal(number, self._interrupt)

    def check(self) -> None:
        """Raise KeyboardInterrupt if a signal came."""
        if self._wanted:
            raise KeyboardInterrupt

    def ignore(self) -> None:
        """Ignore further signals while everything stops."""
        for number in self.SIGNALS:
            signal.signal(number, signal.SIG_IGN)

    def _interrupt(self, *_: object) -> None:
        if os.getpid() == self._pid:  # not a child between fork and exec
            self._wanted = True
            raise KeyboardInterrupt


class Story:
    """The scenes of the story, printed on the stage as they happen."""

    def __init__(self, stage: Stage, bridge: Bridge, ending: Ending) -> None:
        self._stage = stage
        self._bridge = bridge
        self._ending = ending
        self._produced = 0

    def round(self, producer: Client, consumer: Client) -> Climb:
        """Play one round; return the time span in which nothing was consumed."""
        say = self._stage.say
        say(f"▸ records arrive; a consumer of group {GROUP} reads and commits them")
        before = self._produced
        consumer.start()
        consumer.subscribe(GROUP, TOPIC, "billing-1")
        with self._producing(producer):
            self._rest(CALM_POLLS)
            say("▸ the consumer stops and its JVM goes away: its target is down, the lag climbs")
            consumer.unsubscribe()
            consumed = before + consumer.consumed()
            consumer.stop()
            start_ns = time.time_ns()
            self._rest(CLIMB_POLLS)
            consumer.start()
            end_ns = time.time_ns()
        say("▸ the consumer is back and nothing more arrives: the lag falls to 0")
        consumer.subscribe(GROUP, TOPIC, "billing-1", per_second=CATCH_UP_PER_S)
        consumer.wait_consumed(self._produced - consumed)
        self._rest(REST_POLLS)
        consumer.unsubscribe()
        consumer.stop()
        return Climb(start_ns, end_ns)

    @contextmanager
    def _producing(self, producer: Client) -> Iterator[None]:
        """Produce in the background."""
        over = threading.Event()
        failures: list[ServerError] = []

        def produce() -> None:
            try:
                while not over.wait(BATCH_EVERY_S):
                    producer.produce(TOPIC, BATCH)
                    self._produced += BATCH
            except ServerError as exc:
                failures.append(exc)

        thread = threading.Thread(target=produce, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
        if failures:
            raise failures[0]

    def _rest(self, polls: int) -> None:
        """Wait for `polls` intervals."""
        until = time.monotonic() + polls * INTERVAL_S
        while (left := until - time.monotonic()) > 0:
            self._ending.check()
            self._bridge.check()
            time.sleep(min(left, 0.5))


def play(stage: Stage, wanted: Options, ending: Ending, servers: ExitStack) -> int:
    """Start everything, play, judge; return the exit status."""
    folder = Path(servers.enter_context(tempfile.TemporaryDirectory(prefix="jmxbridge-demo-")))
    influx = start_influx(stage, servers) if wanted.influx else None
    stage.say(f"▸ starting Kafka {KAFKA_VERSION} (fetched the first time, 54 MB)")
    kafka = servers.enter_context(Kafka(folder / "kafka"))
    producer = servers.enter_context(Client(kafka, log=folder / "producer.log"))
    consumer = Client(kafka, log=folder / "consumer.log")
    servers.callback(consumer.close)
    producer.create(TOPIC, PARTITIONS)
    stage.say(f"▸ created topic {TOPIC} with {PARTITIONS} partitions")
    bridge = Bridge(
        folder,
        kafka=kafka,
        consumer_jmx=consumer.jmx_port,
        interval_s=INTERVAL_S,
        influx=influx,
    )
    announce(stage, bridge, kafka, influx)
    bridge.start(stage)
    servers.callback(stage.dismiss)
    servers.callback(bridge.stop)
    story = Story(stage, bridge, ending)
    climb = story.round(producer, consumer)
    while not wanted.once:
        climb = story.round(producer, consumer)
    if influx:
        wait_for_rest(bridge, climb)
    bridge.stop()
    stage.dismiss()
    return verdict(stage, bridge.lag(GROUP), climb)


def start_influx(stage: Stage, servers: ExitStack) -> Influx:
    """Start an InfluxDB with an empty database."""
    stage.say(f"▸ starting InfluxDB {INFLUXD_VERSION} (compiled the first time, 1-2 minutes)")
    influx = servers.enter_context(Influx())
    influx.create_database(DATABASE)
    return influx


def announce(stage: Stage, bridge: Bridge, kafka: Kafka, influx: Influx | None) -> None:
    """Print the commands to look at the lag from another terminal."""
    stage.say(f"▸ jmxbridge run {bridge.file}")
    stage.say(
        f"  in another terminal: .venv/bin/jmxbridge lag --bootstrap {kafka.bootstrap} --watch"
    )
    if influx:
        statement = f"{INFLUXQL} ORDER BY time DESC LIMIT 20"
        stage.say(f"  InfluxQL: {statement}")
        stage.say(
            f"  curl -G {influx.url}/query --data-urlencode db={DATABASE}"
            f" --data-urlencode pretty=true --data-urlencode 'q={statement}'"
        )


def wait_for_rest(bridge: Bridge, climb: Climb) -> None:
    """Wait until InfluxDB has a point from after the story; the verdict reports a missing one."""
    deadline = time.monotonic() + ARRIVE_S
    enough_ns = time.time_ns()
    while time.monotonic() < deadline:
        polls = bridge.lag(GROUP)
        if polls and polls[-1].time_ns > max(enough_ns, climb.end_ns):
            return
        time.sleep(0.2)


def verdict(stage: Stage, polls: list[Poll], climb: Climb) -> int:
    """Print the lag of every poll and the verdict; return the exit status."""
    for poll in polls:
        clock = datetime.fromtimestamp(poll.time_ns / NS).strftime("%H:%M:%S")
        alone = climb.start_ns <= poll.time_ns <= climb.end_ns
        stage.say(f"  {clock}  lag {poll.lag:>7,}{'  nothing consumed' if alone else ''}")
    complaints = judge(polls, climb, interval_ns=INTERVAL_S * NS)
    for complaint in complaints:
        stage.say(f"✗ {complaint}")
    if not complaints:
        stage.say("✓ the lag rose at every poll while nothing was consumed, then fell to 0")
    return 1 if complaints else 0


def main() -> int:
    """Play; return 0 on success, else 1 after printing the reason."""
    stage = Stage()
    wanted = options(os.environ)
    if "MAKELEVEL" in os.environ:  # make does not pass every signal on
        end_with_parent(signal.SIGTERM)
    ending = Ending()
    try:
        with ExitStack() as servers:
            try:
                return play(stage, wanted, ending, servers)
            except KeyboardInterrupt:
                return 130 if wanted.once else 0
            finally:  # leaving the ExitStack stops the servers in order
                ending.ignore()
                with suppress(OSError):  # the terminal may be gone
                    stage.say("▸ stopping everything")
    except ServerError as exc:
        stage.say(f"✗ {exc}")
        return 1
    except BrokenPipeError:  # the reader of our output has gone
        return 1


if __name__ == "__main__":
    sys.exit(main())
