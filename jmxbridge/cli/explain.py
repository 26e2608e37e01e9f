"""`jmxbridge mbeans explain`: which rules match which MBeans, and the lines they make."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jmxbridge.cli.arguments import FileOption, Json
from jmxbridge.cli.exit import FINDINGS, echo_json, fail, reported
from jmxbridge.cli.jvm import EVERYTHING, Jvm, TargetName, connect, find, parse_pattern

if TYPE_CHECKING:
    from jmxbridge.jmx import ObjectName, Value
    from jmxbridge.mbeans.explanation import Absent, Explanation, RuleRead
    from jmxbridge.mbeans.rule import Rule


@dataclass(frozen=True, slots=True)
class ExplainedJvm:
    """Explanations of a JVM's MBeans, the values read, and the MBeans that each rule matches.

    `unreadable` are attributes that rules read and the JVM cannot send; `shipped` maps packs to the
    number of MBeans that only they would match; `absent` are attributes that rules of the file read
    and none of their MBeans has.
    """

    explanations: "Sequence[Explanation]"
    values: "Mapping[tuple[ObjectName, int], Mapping[str, Value]]"
    rules: "Sequence[tuple[Rule, int]]"
    tags: Mapping[str, str]
    unreadable: "Mapping[ObjectName, Sequence[str]]"
    shipped: Mapping[str, int]
    absent: "Sequence[Absent]"

    def lines(self, name: "ObjectName", read: "RuleRead") -> list[str]:
        """Return the lines that a rule makes of an MBean now, without a timestamp."""
        from jmxbridge.influx.line_protocol import encode
        from jmxbridge.mbeans.points import to_points
        from jmxbridge.mbeans.reading import Reading

        reading = Reading(read.rule, name, self.values.get((name, id(read.rule)), {}))
        points = to_points([reading], time_ns=0, tags=self.tags).points
        return [encode(point).decode().removesuffix(" 0") for point in points]


def explain(
    target: TargetName,
    pattern: Annotated[str, typer.Argument(help="An ObjectName pattern.")] = EVERYTHING,
    unmatched: Annotated[
        bool, typer.Option("--unmatched", help="Print only MBeans that no rule matches.")
    ] = False,
    collect: Annotated[
        list[str] | None,
        typer.Option("--collect", "-c", help="Use these sets instead of the target's."),
    ] = None,
    file: FileOption = None,
    as_json: Json = False,
) -> None:
    """Print the rules that match each MBean, and their lines.

    Attributes that no rule reads are listed too.

    Aliases and limits apply to all MBeans of the JVM, not only to those that match PATTERN. `run`
    merges lines of one measurement with the same tags into one line.

    Exit status 1: no MBean matches.

    Example: jmxbridge mbeans explain broker-1 'kafka.server:type=ReplicaManager,*'
    """
    with reported():
        resolved = find(target, file)
        rules = resolved.rules(collect or ())
        cluster = "local" if resolved.settings is None else resolved.settings.cluster
        target_tags = {} if resolved.target is None else resolved.target.tags
        tags = {"cluster": cluster, **target_tags, "target": target}
        explained = asyncio.run(survey(resolved.jvm, parse_pattern(pattern), rules, tags))
    shown = [one for one in explained.explanations if not (unmatched and one.reads)]
    if as_json:
        echo_json("explanation", {"target": target, **plain(explained, shown)})
    else:
        for explanation in shown:
            print_one(explained, explanation)
        summarize(explained)
    if not explained.explanations:
        fail(f"no MBean of {target} matches {pattern}", FINDINGS)


async def survey(
    jvm: Jvm, pattern: "ObjectName", rules: "Sequence[Rule]", tags: Mapping[str, str]
) -> ExplainedJvm:
    """Read a JVM as a poll does, and every attribute of the MBeans that match."""
    from jmxbridge.config.loader import offered
    from jmxbridge.jmx import RemoteException
    from jmxbridge.mbeans import explanation
    from jmxbridge.transports.unreadable import Unreadable

    async with await connect(jvm) as mbeans:
        names = await mbeans.query(None)
        claims, counts = explanation.counts(rules, names)
        wanted = [name for name in names if pattern.matches(name)]
        available = {
            name: [attribute.name for attribute in info.attributes if attribute.readable]
            for name, info in zip(wanted, await mbeans.get_infos(wanted), strict=True)
            if not isinstance(info, RemoteException)  # else it vanished since the query
        }
        explanations = explanation.explain(claims, available)
        reads = [(one.name, read) for one in explanations for read in one.reads]
        replies = await mbeans.get_many([(name, read.attributes) for name, read in reads])
        unreadable = Unreadable()
        for (name, read), reply in zip(reads, replies, strict=True):
            if isinstance(reply, RemoteException):
                unreadable.suspect(name, read.attributes, reply)
        await unreadable.tell_apart(mbeans)
        without = {name: unreadable.left_out(name) for name, _ in reads}
        if any(without.values()):  # read again, as the second poll does
            replies = await mbeans.get_many(
                [
                    (name, [a for a in read.attributes if a not in without[name]])
                    for name, read in reads
                ]
            )
    values = {
        (name, id(read.rule)): reply
        for (name, read), reply in zip(reads, replies, strict=True)
        if not isinstance(reply, RemoteException)
    }
    unclaimed = {one.name for one in explanations if not one.reads and not one.left_out}
    others = offered(leave_out={rule.set_name for rule in rules})
    return ExplainedJvm(
        explanations,
        values,
        list(zip(rules, counts, strict=True)),
        tags,
        {name: sorted(attributes) for name, attributes in without.items() if attributes},
        explanation.matching_sets(others, names, unclaimed) if unclaimed else {},
        # A pack covers many versions, and every version lacks some of its attributes.
        [absent for absent in explanation.absent(claims, available) if not absent.rule.ships],
    )


def print_one(explained: ExplainedJvm, explanation: "Explanation") -> None:
    """Print one MBean: its name, the lines of each rule, and what is not read."""
    typer.echo(explanation.name.text)
    for read in explanation.reads:
        lines = explained.lines(explanation.name, read)
        lines = lines or ["nothing now: no value that its fields can hold"]
        for line in lines:
            typer.echo(f"  {read.rule.set_name} ({read.rule.where}) → {line}")
        about = " ".join(filter(None, [read.rule.help, units_shown(read)]))
        if about:
            typer.echo(f"    {about}")
    if unreadable := explained.unreadable.get(explanation.name):
        typer.echo(f"  its JVM cannot send {', '.join(unreadable)}")
    for left_out in explanation.left_out:
        rule = left_out.rule
        typer.echo(f"  {rule.set_name} ({rule.where}) leaves it out: {left_out.reason.value}")
    if explanation.unread:
        typer.echo(f"  nothing takes {', '.join(explanation.unread)}")


def units(read: "RuleRead") -> dict[str, str]:
    """Return the units of the fields that are read, as far as they are known."""
    units_by_field = {}
    for field in read.rule.fields:
        unit = read.rule.unit_of(field)
        if unit is not None and (field.attribute in read.attributes or field.pattern):
            units_by_field[field.name] = unit
    return units_by_field


def units_shown(read: "RuleRead") -> str:
    """Describe units for people, without plain numbers and units that a field's name shows."""
    from jmxbridge.mbeans.units import unit_of

    shown = [
        f"{name} in {unit}"
        for name, unit in units(read).items()
        if unit not in ("1", unit_of(name))
    ]
    return f"({', '.join(shown)})" if shown else ""


def summarize(explained: ExplainedJvm) -> None:
    """Print on stderr how many MBeans are taken, and which rules take none."""
    taken = sum(1 for explanation in explained.explanations if explanation.reads)
    total = len(explained.explanations)
    typer.echo(f"{total} MBeans, {taken} taken, {total - taken} not", err=True)
    for name, count in explained.shipped.items():
        typer.echo(
            f"the pack {name} would take {count} of the others: collect it; --collect {name}"
            " shows how",
            err=True,
        )
    for absent in explained.absent:
        meant = f" (did you mean {absent.meant}?)" if absent.meant else ""
        where = f"{absent.rule.set_name} ({absent.rule.where})"
        typer.echo(f"{where}: none of its MBeans has {absent.attribute}{meant}", err=True)
    for line in idle_lines(explained.rules):
        typer.echo(f"takes nothing{line}", err=True)


def idle_lines(rules: "Sequence[tuple[Rule, int]]") -> list[str]:
    """Name the rules that take nothing; a whole set of them, for another kind of JVM, by its name.

    A set of one rule is named by the rule.
    """
    sizes = Counter(rule.set_name for rule, _ in rules)
    idle = Counter(rule.set_name for rule, count in rules if not count)
    whole = [name for name, count in idle.items() if sizes[name] == count > 1]
    lines = [f": {name}: none of its {sizes[name]} rules" for name in whole]
    for rule, count in rules:
        if not count and rule.set_name not in whole:
            optional = " (optional)" if rule.optional else ""
            beans = ", ".join(bean.text for bean in rule.beans)
            lines.append(f"{optional}: {rule.set_name} ({rule.where}): {beans}")
    return lines


def plain(explained: ExplainedJvm, shown: "Sequence[Explanation]") -> dict[str, Any]:
    """Return the report for `--json`; `rules` counts MBeans of the whole JVM."""
    return {
        "mbeans": [
            {
                "name": explanation.name.text,
                "taken": [
                    {
                        "set": read.rule.set_name,
                        "where": read.rule.where,
                        "attributes": list(read.attributes),
                        "help": read.rule.help or None,
                        "units": units(read),
                        "lines": explained.lines(explanation.name, read),
                    }
                    for read in explanation.reads
                ],
                "left_out": [
                    {
                        "set": left_out.rule.set_name,
                        "where": left_out.rule.where,
                        "why": left_out.reason.value,
                    }
                    for left_out in explanation.left_out
                ],
                "unread": list(explanation.unread),
                "unreadable": list(explained.unreadable.get(explanation.name, ())),
            }
            for explanation in shown
        ],
        "rules": [
            {
                "set": rule.set_name,
                "where": rule.where,
                "beans": [bean.text for bean in rule.beans],
                "optional": rule.optional,
                "mbeans": count,
            }
            for rule, count in explained.rules
        ],
        "absent": [
            {
                "set": absent.rule.set_name,
                "where": absent.rule.where,
                "attribute": absent.attribute,
                "meant": absent.meant,
            }
            for absent in explained.absent
        ],
        "shipped": [{"set": name, "mbeans": count} for name, count in explained.shipped.items()],
    }
