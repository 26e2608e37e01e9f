"""`jmxbridge mbeans explain`: which rule takes what, and what line it becomes."""

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
    from jmxbridge.mbeans.explanation import Absent, Explanation, Taken
    from jmxbridge.mbeans.rule import Rule


@dataclass(frozen=True, slots=True)
class Found:
    """The MBeans asked about, explained; the values read; and what each rule takes of the JVM.

    `unreadable` are attributes that rules want and the JVM cannot send; `shipped` has the packs
    that would take MBeans which nothing takes, and how many; `absent` the attributes that rules of
    the file read and none of their MBeans has.
    """

    explanations: "Sequence[Explanation]"
    values: "Mapping[tuple[ObjectName, int], Mapping[str, Value]]"
    rules: "Sequence[tuple[Rule, int]]"
    tags: Mapping[str, str]
    unreadable: "Mapping[ObjectName, Sequence[str]]"
    shipped: Mapping[str, int]
    absent: "Sequence[Absent]"

    def lines(self, name: "ObjectName", taken: "Taken") -> list[str]:
        """Return the line protocol a rule makes of an MBean now, without a timestamp."""
        from jmxbridge.influx.line_protocol import encode
        from jmxbridge.mbeans.points import to_points
        from jmxbridge.mbeans.reading import Reading

        reading = Reading(taken.rule, name, self.values.get((name, id(taken.rule)), {}))
        points = to_points([reading], time_ns=0, tags=self.tags).points
        return [encode(point).decode().removesuffix(" 0") for point in points]


def explain(
    target: TargetName,
    pattern: Annotated[str, typer.Argument(help="ObjectName pattern.")] = EVERYTHING,
    unmatched: Annotated[
        bool, typer.Option("--unmatched", help="Only MBeans that no rule takes.")
    ] = False,
    collect: Annotated[
        list[str] | None,
        typer.Option("--collect", "-c", help="Use these sets, not those of the target."),
    ] = None,
    file: FileOption = None,
    as_json: Json = False,
) -> None:
    """Print for each MBean which rules take it, the line it becomes, and what nothing takes.

    Aliases and limits are judged by all MBeans of the JVM, whatever PATTERN shows. Lines of one
    measurement with the same tags are merged into one by `run`.

    Exit status 1: no MBean matches.

    Example: jmxbridge mbeans explain broker-1 'kafka.server:type=ReplicaManager,*'
    """
    with reported():
        subject = find(target, file)
        rules = subject.rules(collect or ())
        cluster = "local" if subject.settings is None else subject.settings.cluster
        more = {} if subject.target is None else subject.target.tags
        tags = {"cluster": cluster, **more, "target": target}
        found = asyncio.run(survey(subject.jvm, parse_pattern(pattern), rules, tags))
    shown = [each for each in found.explanations if not (unmatched and each.taken)]
    if as_json:
        echo_json("explanation", {"target": target, **plain(found, shown)})
    else:
        for each in shown:
            print_one(found, each)
        summarise(found)
    if not found.explanations:
        fail(f"no MBean of {target} matches {pattern}", FINDINGS)


async def survey(
    where: Jvm, pattern: "ObjectName", rules: "Sequence[Rule]", tags: Mapping[str, str]
) -> Found:
    """Look at a JVM the way a poll does, and at the MBeans that match in full."""
    from jmxbridge.config.loader import offered
    from jmxbridge.jmx import RemoteException
    from jmxbridge.mbeans import explanation
    from jmxbridge.transports.unreadable import Unreadable

    async with await connect(where) as mbeans:
        names = await mbeans.query(None)
        takes, counts = explanation.counts(rules, names)
        wanted = [name for name in names if pattern.matches(name)]
        available = {
            name: [each.name for each in info.attributes if each.readable]
            for name, info in zip(wanted, await mbeans.get_infos(wanted), strict=True)
            if not isinstance(info, RemoteException)  # else it vanished since it was named
        }
        explained = explanation.explain(takes, available)
        reads = [(each.name, taken) for each in explained for taken in each.taken]
        replies = await mbeans.get_many([(name, taken.attributes) for name, taken in reads])
        unreadable = Unreadable()
        for (name, taken), reply in zip(reads, replies, strict=True):
            if isinstance(reply, RemoteException):
                unreadable.suspect(name, taken.attributes, reply)
        await unreadable.tell_apart(mbeans)
        without = {name: unreadable.left_out(name) for name, _ in reads}
        if any(without.values()):  # then as the second poll reads them
            replies = await mbeans.get_many(
                [
                    (name, [a for a in taken.attributes if a not in without[name]])
                    for name, taken in reads
                ]
            )
    values = {
        (name, id(taken.rule)): reply
        for (name, taken), reply in zip(reads, replies, strict=True)
        if not isinstance(reply, RemoteException)
    }
    nobodys = {each.name for each in explained if not each.taken and not each.left_out}
    others = offered(leave_out={rule.set_name for rule in rules})
    return Found(
        explained,
        values,
        list(zip(rules, counts, strict=True)),
        tags,
        {name: sorted(attributes) for name, attributes in without.items() if attributes},
        explanation.takers(others, names, nobodys) if nobodys else {},
        # A pack is for many versions, so each of them lacks something of it.
        [each for each in explanation.absent(takes, available) if not each.rule.ships],
    )


def print_one(found: Found, each: "Explanation") -> None:
    """Write what becomes of one MBean: its name, a line for each rule, what is left."""
    typer.echo(each.name.text)
    for taken in each.taken:
        lines = found.lines(each.name, taken) or ["nothing now: no value that its fields can hold"]
        for line in lines:
            typer.echo(f"  {taken.rule.set_name} ({taken.rule.where}) → {line}")
        about = " ".join(filter(None, [taken.rule.help, units_shown(taken)]))
        if about:
            typer.echo(f"    {about}")
    if unreadable := found.unreadable.get(each.name):
        typer.echo(f"  its JVM cannot send {', '.join(unreadable)}")
    for out in each.left_out:
        typer.echo(f"  {out.rule.set_name} ({out.rule.where}) leaves it out: {out.why.value}")
    if each.unread:
        typer.echo(f"  nothing takes {', '.join(each.unread)}")


def units(taken: "Taken") -> dict[str, str]:
    """Return what the fields that are read are measured in, as far as it is said."""
    found = {}
    for field in taken.rule.fields:
        unit = taken.rule.unit_of(field)
        if unit is not None and (field.attribute in taken.attributes or field.pattern):
            found[field.name] = unit
    return found


def units_shown(taken: "Taken") -> str:
    """Say units for people: no plain numbers, and none that a field's name shows already."""
    from jmxbridge.mbeans.units import unit_of

    shown = [
        f"{name} in {unit}"
        for name, unit in units(taken).items()
        if unit not in ("1", unit_of(name))
    ]
    return f"({', '.join(shown)})" if shown else ""


def summarise(found: Found) -> None:
    """Say on stderr how much of what was asked about is taken, and which rules take nothing."""
    taken = sum(1 for each in found.explanations if each.taken)
    total = len(found.explanations)
    typer.echo(f"{total} MBeans, {taken} taken, {total - taken} not", err=True)
    for name, count in found.shipped.items():
        typer.echo(
            f"{name}, which ships, would take {count} of those: collect it; --collect {name}"
            " shows how",
            err=True,
        )
    for each in found.absent:
        meant = f" (did you mean {each.meant}?)" if each.meant else ""
        where = f"{each.rule.set_name} ({each.rule.where})"
        typer.echo(f"{where}: none of its MBeans has {each.attribute}{meant}", err=True)
    for line in idle_lines(found.rules):
        typer.echo(f"takes nothing{line}", err=True)


def idle_lines(rules: "Sequence[tuple[Rule, int]]") -> list[str]:
    """Name the rules that take nothing; where a whole set does, which is for another JVM, the set.

    A set of one rule is named as that rule.
    """
    sizes = Counter(rule.set_name for rule, _ in rules)
    idle = Counter(rule.set_name for rule, count in rules if not count)
    whole = [name for name, count in idle.items() if sizes[name] == count > 1]
    lines = [f": {name}: none of its {sizes[name]} rules" for name in whole]
    for rule, count in rules:
        if not count and rule.set_name not in whole:
            optional = ", which is optional" if rule.optional else ""
            beans = ", ".join(bean.text for bean in rule.beans)
            lines.append(f"{optional}: {rule.set_name} ({rule.where}): {beans}")
    return lines


def plain(found: Found, shown: "Sequence[Explanation]") -> dict[str, Any]:
    """Make the report of `--json`; `rules` counts MBeans of the whole JVM."""
    return {
        "mbeans": [
            {
                "name": each.name.text,
                "taken": [
                    {
                        "set": taken.rule.set_name,
                        "where": taken.rule.where,
                        "attributes": list(taken.attributes),
                        "help": taken.rule.help or None,
                        "units": units(taken),
                        "lines": found.lines(each.name, taken),
                    }
                    for taken in each.taken
                ],
                "left_out": [
                    {"set": out.rule.set_name, "where": out.rule.where, "why": out.why.value}
                    for out in each.left_out
                ],
                "unread": list(each.unread),
                "unreadable": list(found.unreadable.get(each.name, ())),
            }
            for each in shown
        ],
        "rules": [
            {
                "set": rule.set_name,
                "where": rule.where,
                "beans": [bean.text for bean in rule.beans],
                "optional": rule.optional,
                "mbeans": count,
            }
            for rule, count in found.rules
        ],
        "absent": [
            {
                "set": each.rule.set_name,
                "where": each.rule.where,
                "attribute": each.attribute,
                "meant": each.meant,
            }
            for each in found.absent
        ],
        "shipped": [{"set": name, "mbeans": count} for name, count in found.shipped.items()],
    }
