"""`check --connect`: what a file finds when it meets the servers, before it runs."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from jmxbridge.config.model.models import (
        InfluxSettings,
        KafkaSettings,
        Settings,
        TargetSettings,
    )
    from jmxbridge.influx.probe import ProbeResult
    from jmxbridge.kafka.facts.snapshot import Snapshot
    from jmxbridge.transports.survey import Survey

# A first look may take longer than a poll: names and attributes are learned.
TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class KafkaCheck:
    """What a lag poll found: `error` where no broker answered.

    `rights` has each right that is missing, and the command that grants it.
    """

    error: str | None = None
    snapshot: "Snapshot | None" = None
    series: Mapping[str, int] | None = None
    rights: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Preflight:
    """Everything that was tried; `kafka`, `influx` None: the file has no such section."""

    settings: "Settings"
    surveys: "tuple[Survey, ...]"
    kafka: KafkaCheck | None
    influx: "ProbeResult | None"
    unmet: tuple[str, ...] = ()
    misspelt: tuple[str, ...] = ()

    @property
    def series(self) -> Counter[str]:
        """Series by measurement, of all targets and the lag poll together."""
        found: Counter[str] = Counter()
        for survey in self.surveys:
            found.update(survey.series)
        if self.kafka is not None:
            found.update(self.kafka.series or {})
        return found

    @property
    def unreachable(self) -> bool:
        """Whether something could not be read, or written."""
        kafka = self.kafka is not None and self.kafka.error is not None
        influx = self.influx is not None and not self.influx.stored
        return kafka or influx or any(survey.error is not None for survey in self.surveys)

    def warnings(self) -> list[str]:
        """Say what answered and is not as the file expects it, each with its place."""
        said = [f"{self.settings.path}: warning: {problem}" for problem in self.unmet]
        said += [line for survey in self.surveys for line in survey_warnings(survey)]
        said += self.misspelt
        slow = [each for each in self.surveys if each.seconds > self.settings.interval_s]
        said += [
            f"{self.settings.path}: warning: {each.target} took {each.seconds:.1f} s to read:"
            f" longer than the interval, {self.settings.interval_s:g} s"
            for each in slow
        ]
        series = self.series.total()
        if series > self.settings.max_series:
            said.append(
                f"{self.settings.path}: warning: one poll makes {series} series, and max_series is"
                f" {self.settings.max_series}: the others would be left out"
            )
        snapshot = self.kafka.snapshot if self.kafka else None
        said += [f"kafka: warning: {error}" for error in (snapshot.errors if snapshot else ())]
        rights = self.kafka.rights if self.kafka else ()
        return said + [f"kafka: warning: {each}: {command}" for each, command in rights]


def survey_warnings(survey: "Survey") -> list[str]:
    """Say which rules take nothing of a target, and what limits leave out."""
    said = [
        f"{rule.where}: warning: takes no MBean of {survey.target}:"
        f" {', '.join(bean.text for bean in rule.beans)}"
        for rule in survey.idle_rules
    ]
    if survey.series_limited:
        full = (r for r, count in survey.rules if r.limit is not None and count >= r.limit)
        places = ", ".join(f"{rule.where} (limit {rule.limit})" for rule in full)
        said.append(
            f"{survey.target}: warning: limits leave out {survey.series_limited} series: {places};"
            f" `jmxbridge mbeans explain {survey.target}` names them"
        )
    return said


async def preflight(settings: "Settings") -> Preflight:
    """Meet every target and the cluster once, all at the same time; write one line to InfluxDB."""
    from jmxbridge.cli.misspelt import find_misspelt
    from jmxbridge.once import meet_brokers

    settings, unmet = await meet_brokers(settings)
    surveys, kafka, influx = await asyncio.gather(
        asyncio.gather(*(survey_target(settings, each) for each in settings.targets)),
        check_kafka(settings, settings.kafka),
        check_influxdb(settings, settings.influxdb),
    )
    answered = {survey.target for survey in surveys if survey.error is None}
    misspelt = await asyncio.gather(
        *(
            find_misspelt(settings, each, timeout_s=TIMEOUT_S)
            for each in settings.targets
            if each.name in answered
        )
    )
    lines = dict.fromkeys(line for each in misspelt for line in each)
    return Preflight(settings, tuple(surveys), kafka, influx, unmet, tuple(lines))


async def survey_target(settings: "Settings", target: "TargetSettings") -> "Survey":
    """Read one target the way `run` would, with every rule."""
    from jmxbridge.build import make_transport
    from jmxbridge.transports.survey import survey

    timeout_s = max(TIMEOUT_S, settings.interval_s)
    return await survey(
        target.name,
        make_transport(target, deadline_s=timeout_s),
        settings.rules_for(target),
        timeout_s=timeout_s,
        clock_s=time.monotonic,
    )


async def check_kafka(settings: "Settings", kafka: "KafkaSettings | None") -> KafkaCheck | None:
    """Poll the lag once; None where the file asks for none."""
    if kafka is None:
        return None
    from jmxbridge.build import make_cluster
    from jmxbridge.doctor.rights import missing_rights
    from jmxbridge.kafka.wire.errors import KafkaUnavailable
    from jmxbridge.lag.output.points import to_points
    from jmxbridge.lag.output.renaming import Renaming
    from jmxbridge.lag.rows import compute

    cluster = make_cluster(kafka, timeout_s=kafka.timeout_s)
    try:
        snapshot = await cluster.poll()
        rights = await missing_rights(cluster, kafka)
    except KafkaUnavailable as exc:
        return KafkaCheck(error=str(exc))
    finally:
        await cluster.close()
    made = to_points(compute(snapshot), snapshot, cluster=settings.cluster, time_ns=0)
    points = Renaming(kafka.names)(made)
    series = Counter(point.measurement for point in points)
    return KafkaCheck(None, snapshot, series, rights)


async def check_influxdb(
    settings: "Settings", influx: "InfluxSettings | None"
) -> "ProbeResult | None":
    """Write one line to jmxbridge_check; None where the file has no InfluxDB."""
    if influx is None:
        return None
    from jmxbridge.build import make_writer
    from jmxbridge.influx.probe import probe

    writer = make_writer(influx)
    try:
        return await probe(writer, cluster=settings.cluster, now=datetime.now(UTC))
    finally:
        await writer.close()


def report(found: Preflight) -> None:
    """Print what answered on stdout and what to mind on stderr."""
    for survey in found.surveys:
        typer.echo(f"target {survey.target}: {survey_sentence(survey)}")
    if found.kafka is not None:
        typer.echo(f"kafka: {kafka_sentence(found.kafka)}")
    if found.influx is not None and found.settings.influxdb is not None:
        said = influx_sentence(found.influx, found.settings.influxdb.bucket)
        typer.echo(f"influxdb: {said}")
    series = found.series
    typer.echo(f"{series.total()} series at a poll")
    for measurement, count in sorted(series.items()):
        typer.echo(f"  {measurement} {count}")
    for line in found.warnings():
        typer.echo(line, err=True)


def survey_sentence(survey: "Survey") -> str:
    """Say how reading one target went."""
    if survey.error is not None:
        return f"not read: {survey.error}"
    mbeans = sum(count for _, count in survey.rules)
    active = sum(1 for _, count in survey.rules if count)
    return (
        f"{active} of {len(survey.rules)} rules take {mbeans} MBeans, {sum(survey.series.values())}"
        f" series, {survey.seconds:.2f} s"
    )


def kafka_sentence(check: KafkaCheck) -> str:
    """Say how the lag poll went."""
    if check.snapshot is None:
        return f"not reached: {check.error}"
    snapshot = check.snapshot
    whole = "" if snapshot.complete else ", incomplete"
    return (
        f"{snapshot.brokers_answered} of {snapshot.brokers} brokers answered,"
        f" {len(snapshot.groups)} of {snapshot.groups_listed} groups wanted{whole}"
    )


def influx_sentence(probe: "ProbeResult", bucket: str) -> str:
    """Say what became of the line, and whether there is the bucket it was for."""
    server = "" if probe.version is None else f"InfluxDB {probe.version}: "
    if probe.problem is not None:
        absent = f"; there is no bucket {bucket}" if probe.bucket_exists is False else ""
        return f"{server}not written: {probe.problem}{absent}"
    return f"{server}a line was written to bucket {bucket}; {kept(probe.retention_s)}"


def kept(retention_s: float | None) -> str:
    """Say how long InfluxDB keeps points."""
    if retention_s is None:
        return "how long it is kept is not known"
    if retention_s == 0:
        return "kept for ever"
    unit, seconds = ("day", 86_400) if retention_s >= 86_400 else ("hour", 3600)
    count = round(retention_s / seconds, 1)
    return f"kept for {count:g} {unit}{'' if count == 1 else 's'}"


def plain(found: Preflight) -> dict[str, Any]:
    """Make the part of `check --json` that only --connect has."""
    kafka = found.kafka
    return {
        "targets": [
            {
                "name": survey.target,
                "error": survey.error,
                "seconds": round(survey.seconds, 3),
                "rules": [
                    {
                        "set": rule.set_name,
                        "where": rule.where,
                        "optional": rule.optional,
                        "mbeans": count,
                    }
                    for rule, count in survey.rules
                ],
                "series": dict(sorted(survey.series.items())),
                "series_limited": survey.series_limited,
            }
            for survey in found.surveys
        ],
        "kafka": None
        if kafka is None
        else {
            "error": kafka.error,
            "brokers": kafka.snapshot.brokers if kafka.snapshot else 0,
            "brokers_answered": kafka.snapshot.brokers_answered if kafka.snapshot else 0,
            "groups": len(kafka.snapshot.groups) if kafka.snapshot else 0,
            "errors": list(kafka.snapshot.errors) if kafka.snapshot else [],
            "missing_rights": [
                {"what": what, "command": command} for what, command in kafka.rights
            ],
        },
        "influxdb": None if found.influx is None else asdict(found.influx),
        "series": dict(sorted(found.series.items())),
        "findings": found.warnings(),
    }
