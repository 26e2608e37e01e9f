"""`jmxbridge mbeans suggest`: a rule to paste."""

import asyncio
from collections.abc import Collection
from typing import TYPE_CHECKING, Annotated

import typer

from jmxbridge.cli.arguments import FileOption
from jmxbridge.cli.exit import FINDINGS, fail, reported
from jmxbridge.cli.jvm import Jvm, TargetName, connect, find, parse_pattern

if TYPE_CHECKING:
    from jmxbridge.jmx import ObjectName


def suggest(
    target: TargetName,
    name: Annotated[str, typer.Argument(help="ObjectName; of a pattern the first that matches.")],
    file: FileOption = None,
) -> None:
    """Print a rule for an MBean, ready to be pasted below a set's name under `mbeans:`.

    It has a field for every number the MBean has now; take away what you do not want. A set that
    ships and takes the MBean already is named.

    Exit status 1: no MBean matches.

    Example: jmxbridge mbeans suggest 127.0.0.1:9999 'kafka.log:type=LogManager,*'
    """
    with reported():
        found = asyncio.run(suggestion(find(target, file).jvm, parse_pattern(name)))
    if found is None:
        fail(f"no MBean of {target} matches {name}", FINDINGS)
    rule, shipped = found
    typer.echo(rule)
    for pack in shipped:
        typer.echo(f"{pack}, which ships, takes this MBean: collect it instead?", err=True)


async def suggestion(where: Jvm, pattern: "ObjectName") -> "tuple[str, Collection[str]] | None":
    """Read the first MBean that matches and write a rule for it; None where there is none.

    Beside it the packs that take it.
    """
    from jmxbridge.config.loader import offered
    from jmxbridge.jmx import RemoteException
    from jmxbridge.mbeans import explanation, suggestion

    async with await connect(where) as mbeans:
        every = await mbeans.query(None)
        names = sorted(filter(pattern.matches, every), key=lambda name: name.canonical)
        if not names:
            return None
        [info] = await mbeans.get_infos(names[:1])
        if isinstance(info, RemoteException):
            raise info
        readable = [each.name for each in info.attributes if each.readable]
        [values] = await mbeans.get_many([(names[0], readable)])
        if isinstance(values, RemoteException):
            raise values
    in_order = {attribute: values[attribute] for attribute in readable if attribute in values}
    shipped = explanation.takers(offered(), every, names[:1])
    return suggestion.suggest(names[0], in_order), shipped
