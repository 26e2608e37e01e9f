"""Cost of a poll: CPU of the poller and of the polled JVM, time, bytes, memory."""

import os
import re
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Cost:
    """Cost of one poll: medians and minima.

    `mbean_us` is the poller's CPU per MBean, `bytes` are bytes received, `rss_mb` is the poller's
    resident set at the end.
    """

    values: int
    cpu_s: float
    cpu_s_min: float
    wall_s: float
    wall_s_min: float
    target_cpu_s: float
    mbean_us: float
    rss_mb: float | None = None
    round_trips: int | None = None
    bytes: int | None = None


def process_cpu_s(pid: int) -> float:
    """Return CPU seconds of another process (proc(5): utime and stime)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_mb(pid: int | str) -> float:
    """Return the resident set of a process."""
    (line,) = re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return round(int(line) / 1024, 1)


def cpu_s() -> float:
    """Return CPU seconds of this process and of its ended children."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def median(numbers: list[float]) -> float:
    """Return the (upper) median; importing `statistics` would add 2 MB to the measured memory."""
    return sorted(numbers)[len(numbers) // 2]


class Meter:
    """Measures time and CPU of polls; `stop` takes the number of values read."""

    def __init__(self, target_pid: int, mbeans: int, cpu: Callable[[], float] = cpu_s) -> None:
        self._target = target_pid
        self._mbeans = mbeans
        self._cpu_s = cpu
        self._target_began = 0.0
        self._cpu: list[float] = []
        self._wall: list[float] = []
        self._values = 0
        self._began = (0.0, 0.0)

    def start(self) -> None:
        """Begin a poll."""
        if not self._cpu:
            self._target_began = process_cpu_s(self._target)
        self._began = (self._cpu_s(), time.perf_counter())

    def stop(self, values: int) -> None:
        """End a poll."""
        self._wall.append(time.perf_counter() - self._began[1])
        self._cpu.append(self._cpu_s() - self._began[0])
        self._values = values

    def cost(self) -> Cost:
        """Return the cost of the polls so far."""
        middle = median(self._cpu)
        return Cost(
            values=self._values,
            cpu_s=middle,
            cpu_s_min=min(self._cpu),
            wall_s=median(self._wall),
            wall_s_min=min(self._wall),
            target_cpu_s=(process_cpu_s(self._target) - self._target_began) / len(self._cpu),
            mbean_us=middle / self._mbeans * 1e6,
        )
