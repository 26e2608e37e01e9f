"""Order of the examinations: the file first, then the machine and all servers."""

import asyncio
import resource
from collections.abc import Mapping
from pathlib import Path

from jmxbridge.config.brokers import with_brokers
from jmxbridge.config.loader import load, store_path
from jmxbridge.config.model.models import Settings
from jmxbridge.config.text.problem import ConfigError, Problem
from jmxbridge.doctor import unit as systemd
from jmxbridge.doctor.clock import examine_clock, is_synchronized
from jmxbridge.doctor.disk import examine_store
from jmxbridge.doctor.finding import Area, Finding
from jmxbridge.doctor.limits import examine_extras, examine_files
from jmxbridge.doctor.servers import examine_influxdb, examine_kafka, examine_targets
from jmxbridge.kafka.wire.errors import KafkaUnavailable
from jmxbridge.once import find_brokers

DEFAULT_INTERVAL_S = 10.0


async def examine(file: Path | None, environ: Mapping[str, str]) -> list[Area]:
    """Examine this machine and, with a file, everything that the file names.

    The file of this machine's service is read as the service reads it, with its state and
    credentials.
    """
    unit = await asyncio.to_thread(systemd.query)
    areas, settings = [], None
    if file is not None:
        if systemd.runs(unit, file):
            environ = {**environ, **systemd.environment(unit)}
        area, settings = read(file, environ)
        areas.append(area)
    service = systemd.examine_unit(unit, file)
    if settings is None:
        clock = examine_clock(
            synchronized=is_synchronized(), ahead=None, interval_s=DEFAULT_INTERVAL_S
        )
        return [*areas, clock, service]
    return [*areas, *await _examine(settings, environ), service]


def read(file: Path, environ: Mapping[str, str]) -> tuple[Area, Settings | None]:
    """Read a file; with problems, return a finding for each and no settings. Warnings are notes.

    Unset variables that the file needs are problems too.
    """
    try:
        settings = load(file, environ)
    except ConfigError as exc:
        return Area("file", tuple(map(_finding, exc.problems))), None
    warnings = (_finding(warning) for warning in settings.warnings)
    return Area("file", notes=(str(file), *map(str, warnings))), settings


def _finding(problem: Problem) -> Finding:
    place = f":{problem.line}:{problem.column}" if problem.line else ""
    text = f"{problem.where}: {problem.message}" if problem.where else problem.message
    fix = f'Did you mean "{problem.suggestion}"?' if problem.suggestion else ""
    return Finding(f"{problem.file}{place}", text, fix)


async def _examine(settings: Settings, environ: Mapping[str, str]) -> list[Area]:
    settings, undiscovered = await _with_brokers(settings)
    targets, kafka, influxdb = await asyncio.gather(
        examine_targets(settings.targets), _kafka(settings), _influxdb(settings)
    )
    servers = [
        Area("targets", (*undiscovered, *targets.findings), targets.notes),
        kafka,
        influxdb[0],
    ]
    store = await asyncio.to_thread(
        examine_store,
        store_path(settings, environ),
        max_bytes=settings.store.max_bytes,
        sends=settings.influxdb is not None,
        mounts=mounts(),
    )
    return [
        examine_extras(settings),
        examine_files(settings, resource.getrlimit(resource.RLIMIT_NOFILE)[0]),
        examine_clock(
            synchronized=is_synchronized(), ahead=influxdb[1], interval_s=settings.interval_s
        ),
        store,
        *(area for area in servers if area is not None),
    ]


async def _with_brokers(settings: Settings) -> tuple[Settings, tuple[Finding, ...]]:
    """Add the brokers that the file discovers; `examine_kafka` reports an unreachable cluster."""
    if settings.kafka is None or not settings.discover:
        return settings, ()
    try:
        discovered = with_brokers(settings, await find_brokers(settings.kafka))
    except KafkaUnavailable:
        return settings, ()
    return discovered.settings, tuple(
        Finding("discover", problem) for problem in discovered.problems
    )


async def _kafka(settings: Settings) -> Area | None:
    return None if settings.kafka is None else await examine_kafka(settings.kafka)


async def _influxdb(settings: Settings) -> tuple[Area | None, float | None]:
    if settings.influxdb is None:
        return None, None
    return await examine_influxdb(settings.influxdb, settings.cluster)


def mounts() -> str:
    """Return the mounts of this process; empty if /proc does not have them."""
    try:
        return Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
