"""`jmxbridge dlq`: the lines InfluxDB refused, with its words; send them again, or give them up."""

import asyncio
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jmxbridge.cli.arguments import Json, load_settings
from jmxbridge.cli.exit import FINDINGS, USAGE, echo_json, fail, reported
from jmxbridge.cli.spool_options import MBEANS_YAML, StoreOf, open_reader, reader_of, when

if TYPE_CHECKING:
    from jmxbridge.config.model.models import Settings
    from jmxbridge.store import DeadLetter

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Look at dead letters: lines that InfluxDB refused.\n\nExample: jmxbridge dlq ls",
)

Ids = Annotated[list[int] | None, typer.Argument(metavar="[ID]...", help="As `dlq ls` shows them.")]
All = Annotated[bool, typer.Option("--all", help="All dead letters.")]
LARGEST = 2**63 - 1  # of ids in a store: one that is larger does not exist, and SQLite has none
LINE_SHOWN = 120
AT_ONCE = 1000  # of one transaction: what is moved stays moved when a later part has no room


@app.command("ls")
def ls(
    file: StoreOf = MBEANS_YAML,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="The newest so many.")] = 50,
    as_json: Json = False,
) -> None:
    """Print the newest dead letters, newest first; also while `run` is at work.

    Each has the time of its poll, its target, the server's words, and the line (cut; `dlq show`
    prints all of it).

    Example: jmxbridge dlq ls -n 10
    """
    with reported():
        letters = reader_of(file).letters(min(limit, LARGEST))
    if as_json:
        echo_json("dead_letters", {"dead_letters": [entry(each) for each in letters]})
        return
    for each in letters:
        line = shown(each.line)
        cut = line if len(line) <= LINE_SHOWN else f"{line[: LINE_SHOWN - 1]}…"
        typer.echo(f"{each.id}  {when(each.time_ns)}  {each.source}  {each.reason}\n    {cut}")


@app.command("show")
def show(
    number: Annotated[int, typer.Argument(metavar="ID", help="As `dlq ls` shows it.")],
    file: StoreOf = MBEANS_YAML,
    as_json: Json = False,
) -> None:
    """Print one dead letter in full; also while `run` is at work.

    Exit status 1: there is none of that id.

    Example: jmxbridge dlq show 17
    """
    with reported():
        letter = reader_of(file).letter(number) if abs(number) <= LARGEST else None
    if letter is None:
        fail(f"there is no dead letter {number}", FINDINGS)
    if as_json:
        echo_json("dead_letter", entry(letter))
        return
    typer.echo(f"id       {letter.id}")
    typer.echo(f"polled   {when(letter.time_ns)}")
    typer.echo(f"refused  {when(letter.refused_ns)}")
    typer.echo(f"target   {letter.source}")
    typer.echo(f"reason   {letter.reason}")
    typer.echo(f"line     {shown(letter.line)}")


@app.command("replay")
def replay(
    ids: Ids = None,
    everything: All = False,
    file: StoreOf = MBEANS_YAML,
    as_json: Json = False,
) -> None:
    """Put dead letters back at the end of the spool: their bytes, their times.

    They are sent by the next `run`, `once` or `spool drain`. Works while no `run` has the store.

    Exit status 1: an id does not exist; 69: `run` has the store, or there is no room in it.

    Example: jmxbridge dlq replay 17 18
    """
    _move("replay", ids, everything, file, as_json)


@app.command("purge")
def purge(
    ids: Ids = None,
    everything: All = False,
    file: StoreOf = MBEANS_YAML,
    as_json: Json = False,
) -> None:
    """Give dead letters up for good; they are counted as dropped.

    Works while no `run` has the store.

    Exit status 1: an id does not exist; 69: `run` has the store.

    Example: jmxbridge dlq purge --all
    """
    _move("purge", ids, everything, file, as_json)


def _move(verb: str, ids: list[int] | None, everything: bool, file: Path, as_json: bool) -> None:
    if bool(ids) == everything:
        fail(
            f"which dead letters? Give their ids (jmxbridge dlq ls), or --all to {verb} all", USAGE
        )
    with reported():
        settings = load_settings(file)
        chosen = open_reader(settings).letter_ids() if everything else sorted(set(ids or ()))
        moved = asyncio.run(_apply(verb, chosen, settings))
    done = {"replay": "replayed", "purge": "purged"}[verb]
    if as_json:
        echo_json(f"dead_letters_{done}", {"asked": len(chosen), done: moved})
    else:
        typer.echo(f"{moved:,} dead letters {done}")
    if moved < len(chosen):
        fail(f"{len(chosen) - moved:,} of the ids do not exist", FINDINGS)


async def _apply(verb: str, ids: list[int], settings: "Settings") -> int:
    from jmxbridge.build import open_store

    ids = [each for each in ids if abs(each) <= LARGEST]
    async with await open_store(settings, os.environ) as store:
        move = store.replay if verb == "replay" else store.purge
        return sum([await move(ids[at : at + AT_ONCE]) for at in range(0, len(ids), AT_ONCE)])


def entry(letter: "DeadLetter") -> dict[str, Any]:
    """One dead letter as JSON; times are nanoseconds since the epoch."""
    return {**asdict(letter), "line": shown(letter.line)}


def shown(line: bytes) -> str:
    """A line for people; what is not UTF-8 in it is escaped."""
    return line.decode("utf-8", "backslashreplace")
