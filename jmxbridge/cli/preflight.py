"""Result of `check --connect`: each server of a file, connected to once before a run."""

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

TIMEOUT_S = 10.0  # a first read may take longer than a poll: it learns names and attributes


@dataclass(frozen=True, slots=True)
class KafkaCheck:
    """Result of one lag poll; `error` if no broker answered.

    `rights` are the missing permissions, each with the command that grants it.
    """

    error: str | None = None
    snapshot: "Snapshot | None" = None
    series: Mapping[str, int] | None = None
    rights: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Preflight:
    """Result for every server; `kafka`, `influx` are None if the file has no such section."""

    settings: "Settings"
    surveys: "tuple[Survey, ...]"
    kafka: KafkaCheck | None
    influx: "ProbeResult | None"
    unmet: tuple[str, ...] = ()
    misspelt: tuple[str, ...] = ()

    @property
    def series(self) -> Counter[str]:
        """Series by measurement, of all targets and the lag poll together."""
        series: Counter[str] = Counter()
        for survey in self.surveys:
            series.update(survey.series)
        if self.kafka is not None:
            series.update(self.kafka.series or {})
        return series

    @property
    def unreachable(self) -> bool:
        """Whether a target or the cluster could not be read, or InfluxDB not be written."""
        kafka = self.kafka is not None and self.kafka.error is not None
        influx = self.influx is not None and not self.influx.stored
        return kafka or influx or any(survey.error is not None for survey in self.surveys)

    def warnings(self) -> list[str]:
        """Return a warning for each answer that differs from the file, with its place."""
        from jmxbridge.kafka.facts.throttling import delay_sentences

        lines = [f"{self.settings.path}: warning: {problem}" for problem in self.unmet]
        lines += [line for survey in self.surveys for line in survey_warnings(survey)]
        lines += self.misspelt
        lines += [
            f"{self.settings.path}: warning: {survey.target} took {survey.seconds:.1f} s to read:"
            f" longer than the interval, {self.settings.interval_s:g} s"
            for survey in self.surveys
            if survey.seconds > self.settings.interval_s
        ]
        series = self.series.total()
        if series > self.settings.max_series:
            lines.append(
                f"{self.settings.path}: warning: one poll makes {series} series, and max_series is"
                f" {self.settings.max_series}: the others would be left out"
            )
        snapshot = self.kafka.snapshot if self.kafka else None
        if snapshot is not None:
            problems = [*snapshot.errors, *delay_sentences(snapshot.throttled_ms).values()]
            lines += [f"kafka: warning: {problem}" for problem in problems]
        rights = self.kafka.rights if self.kafka else ()
        return lines + [f"kafka: warning: {missing}: {command}" for missing, command in rights]


def survey_warnings(survey: "Survey") -> list[str]:
    """Return warnings about rules that match nothing of a target, and about full limits."""
    lines = [
        f"{rule.where}: warning: takes no MBean of {survey.target}:"
        f" {', '.join(bean.text for bean in rule.beans)}"
        for rule in survey.idle_rules
    ]
    if survey.series_limited:
        full = [
            rule for rule, count in survey.rules if rule.limit is not None and count >= rule.limit
        ]
        places = ", ".join(f"{rule.where} (limit {rule.limit})" for rule in full)
        lines.append(
            f"{survey.target}: warning: limits leave out {survey.series_limited} series: {places};"
            f" `jmxbridge mbeans explain {survey.target}` names them"
        )
    return lines


async def preflight(settings: "Settings") -> Preflight:
    """Read every target and the cluster once, concurrently; write one line to InfluxDB."""
    from jmxbridge.cli.misspelt import find_misspelt
    from jmxbridge.once import meet_brokers

    settings, unmet = await meet_brokers(settings)
    surveys, kafka, influx = await asyncio.gather(
        asyncio.gather(*(survey_target(settings, target) for target in settings.targets)),
        check_kafka(settings, settings.kafka),
        check_influxdb(settings, settings.influxdb),
    )
    answered = {survey.target for survey in surveys if survey.error is None}
    misspelt = await asyncio.gather(
        *(
            find_misspelt(settings, target, timeout_s=TIMEOUT_S)
            for target in settings.targets
            if target.name in answered
        )
    )
    lines = dict.fromkeys(line for warnings in misspelt for line in warnings)
    return Preflight(settings, tuple(surveys), kafka, influx, unmet, tuple(lines))


async def survey_target(settings: "Settings", target: "TargetSettings") -> "Survey":
    """Read one target as `run` does, with every rule."""
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
    """Poll the lag once; None if the file has no kafka section."""
    if kafka is None:
        return None
    from jmxbridge.build import make_cluster
    from jmxbridge.doctor.rights import missing_rights
    from jmxbridge.kafka.wire.errors import KafkaUnavailable
    from jmxbridge.lag.history.assessment import Assessment
    from jmxbridge.lag.output.lag_output import LagOutput
    from jmxbridge.lag.rows import compute_lags

    cluster = make_cluster(kafka, timeout_s=kafka.timeout_s)
    try:
        snapshot = await cluster.poll()
        rights = await missing_rights(cluster, kafka)
    except KafkaUnavailable as exc:
        return KafkaCheck(error=str(exc))
    finally:
        await cluster.close()
    output = LagOutput(cluster=settings.cluster, names=kafka.names)
    points = output.points(Assessment(compute_lags(snapshot)), snapshot, time_ns=0)
    series = Counter(point.measurement for point in points)
    return KafkaCheck(None, snapshot, series, rights)


async def check_influxdb(
    settings: "Settings", influx: "InfluxSettings | None"
) -> "ProbeResult | None":
    """Write one line to jmxbridge_check; None if the file has no influxdb section."""
    if influx is None:
        return None
    from jmxbridge.build import make_writer
    from jmxbridge.influx.probe import probe

    writer = make_writer(influx)
    try:
        return await probe(writer, cluster=settings.cluster, now=datetime.now(UTC))
    finally:
        await writer.close()


def report(result: Preflight) -> None:
    """Print the result for each server on stdout, and warnings on stderr."""
    for survey in result.surveys:
        typer.echo(f"target {survey.target}: {survey_text(survey)}")
    if result.kafka is not None:
        typer.echo(f"kafka: {kafka_text(result.kafka)}")
    if result.influx is not None and result.settings.influxdb is not None:
        text = influx_text(result.influx, result.settings.influxdb.bucket)
        typer.echo(f"influxdb: {text}")
    series = result.series
    typer.echo(f"{series.total()} series at a poll")
    for measurement, count in sorted(series.items()):
        typer.echo(f"  {measurement} {count}")
    for line in result.warnings():
        typer.echo(line, err=True)


def survey_text(survey: "Survey") -> str:
    """Describe the result of reading one target."""
    if survey.error is not None:
        return f"not read: {survey.error}"
    mbeans = sum(count for _, count in survey.rules)
    active = sum(1 for _, count in survey.rules if count)
    return (
        f"{active} of {len(survey.rules)} rules take {mbeans} MBeans, {sum(survey.series.values())}"
        f" series, {survey.seconds:.2f} s"
    )


def kafka_text(check: KafkaCheck) -> str:
    """Describe the result of the lag poll."""
    if check.snapshot is None:
        return f"not reached: {check.error}"
    snapshot = check.snapshot
    incomplete = "" if snapshot.complete else ", incomplete"
    return (
        f"{snapshot.brokers_answered} of {snapshot.brokers} brokers answered,"
        f" {len(snapshot.groups)} of {snapshot.groups_listed} groups wanted{incomplete}"
    )


def influx_text(probe: "ProbeResult", bucket: str) -> str:
    """Describe the result of the write, and whether the bucket exists."""
    server = "" if probe.version is None else f"InfluxDB {probe.version}: "
    if probe.problem is not None:
        absent = f"; there is no bucket {bucket}" if probe.bucket_exists is False else ""
        return f"{server}not written: {probe.problem}{absent}"
    return f"{server}a line was written to bucket {bucket}; {kept(probe.retention_s)}"


def kept(retention_s: float | None) -> str:
    """Describe how long InfluxDB keeps points."""
    if retention_s is None:
        return "its retention is not known"
    if retention_s == 0:
        return "kept for ever"
    unit, seconds = ("day", 86_400) if retention_s >= 86_400 else ("hour", 3600)
    count = round(retention_s / seconds, 1)
    return f"kept for {count:g} {unit}{'' if count == 1 else 's'}"


def plain(result: Preflight) -> dict[str, Any]:
    """Return the part of `check --json` that --connect adds."""
    kafka = result.kafka
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
            for survey in result.surveys
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
        "influxdb": None if result.influx is None else asdict(result.influx),
        "series": dict(sorted(result.series.items())),
        "findings": result.warnings(),
    }
