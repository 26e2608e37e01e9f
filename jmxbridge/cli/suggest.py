"""`jmxbridge mbeans suggest`: a rule for an MBean, ready to paste."""

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
    name: Annotated[str, typer.Argument(help="An ObjectName; of a pattern, the first match.")],
    file: FileOption = None,
) -> None:
    """Print a rule for an MBean, ready to paste below a set's name under `mbeans:`.

    The rule has a field for every numeric attribute; delete those you do not need. Packs that
    already take the MBean are listed on stderr.

    Exit status 1: no MBean matches.

    Example: jmxbridge mbeans suggest 127.0.0.1:9999 'kafka.log:type=LogManager,*'
    """
    with reported():
        result = asyncio.run(suggestion(find(target, file).jvm, parse_pattern(name)))
    if result is None:
        fail(f"no MBean of {target} matches {name}", FINDINGS)
    rule, shipped = result
    typer.echo(rule)
    for pack in shipped:
        typer.echo(f"the pack {pack} takes this MBean already: collect it instead?", err=True)


async def suggestion(jvm: Jvm, pattern: "ObjectName") -> "tuple[str, Collection[str]] | None":
    """Return a rule for the first MBean that matches, and the packs that take it.

    None if no MBean matches.
    """
    from jmxbridge.config.loader import offered
    from jmxbridge.jmx import RemoteException
    from jmxbridge.mbeans import explanation, suggestion

    async with await connect(jvm) as mbeans:
        all_names = await mbeans.query(None)
        names = sorted(filter(pattern.matches, all_names), key=lambda name: name.canonical)
        if not names:
            return None
        [info] = await mbeans.get_infos(names[:1])
        if isinstance(info, RemoteException):
            raise info
        readable = [attribute.name for attribute in info.attributes if attribute.readable]
        [values] = await mbeans.get_many([(names[0], readable)])
        if isinstance(values, RemoteException):
            raise values
    in_order = {attribute: values[attribute] for attribute in readable if attribute in values}
    shipped = explanation.matching_sets(offered(), all_names, names[:1])
    return suggestion.suggest(names[0], in_order), shipped
