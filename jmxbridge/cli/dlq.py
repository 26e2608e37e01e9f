"""`jmxbridge dlq`: list, replay and purge the lines that InfluxDB refused."""

import asyncio
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jmxbridge.cli.arguments import Json, load_settings
from jmxbridge.cli.exit import FINDINGS, USAGE, echo_json, fail, reported
from jmxbridge.cli.spool_options import MBEANS_YAML, StoreFileOption, open_reader, reader_of, when

if TYPE_CHECKING:
    from jmxbridge.config.model.models import Settings
    from jmxbridge.store import DeadLetter

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="List, replay and purge dead letters: lines that InfluxDB refused.\n\n"
    "Example: jmxbridge dlq ls",
)

Ids = Annotated[list[int] | None, typer.Argument(metavar="[ID]...", help="Ids from `dlq ls`.")]
All = Annotated[bool, typer.Option("--all", help="Every dead letter.")]
MAX_ID = 2**63 - 1  # SQLite has no larger one
MAX_LINE_CHARS = 120
IDS_PER_TRANSACTION = 1000  # parts that are moved stay moved if a later one has no room


@app.command("ls")
def ls(
    file: StoreFileOption = MBEANS_YAML,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, help="Number of dead letters to print.")
    ] = 50,
    as_json: Json = False,
) -> None:
    """Print the newest dead letters, newest first; works while `run` is active.

    Each has the time of its poll, its target, InfluxDB's message, and the line, which is cut (`dlq
    show` prints the whole line).

    Example: jmxbridge dlq ls -n 10
    """
    with reported():
        letters = reader_of(file).letters(min(limit, MAX_ID))
    if as_json:
        echo_json("dead_letters", {"dead_letters": [entry(letter) for letter in letters]})
        return
    for letter in letters:
        line = shown(letter.line)
        cut = line if len(line) <= MAX_LINE_CHARS else f"{line[: MAX_LINE_CHARS - 1]}…"
        typer.echo(f"{letter.id}  {when(letter.time_ns)}  {letter.source}  {letter.reason}")
        typer.echo(f"    {cut}")


@app.command("show")
def show(
    number: Annotated[int, typer.Argument(metavar="ID", help="Id from `dlq ls`.")],
    file: StoreFileOption = MBEANS_YAML,
    as_json: Json = False,
) -> None:
    """Print one dead letter in full; works while `run` is active.

    Exit status 1: no dead letter has this id.

    Example: jmxbridge dlq show 17
    """
    with reported():
        letter = reader_of(file).letter(number) if abs(number) <= MAX_ID else None
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
    file: StoreFileOption = MBEANS_YAML,
    as_json: Json = False,
) -> None:
    """Move dead letters to the end of the spool, with their original bytes and times.

    The next `run`, `once` or `spool drain` sends them. Stop `run` before: it locks the store.

    Exit status 1: an id does not exist; 69: `run` holds the store, or the store is full.

    Example: jmxbridge dlq replay 17 18
    """
    _move("replay", ids, everything, file, as_json)


@app.command("purge")
def purge(
    ids: Ids = None,
    everything: All = False,
    file: StoreFileOption = MBEANS_YAML,
    as_json: Json = False,
) -> None:
    """Delete dead letters; they count as dropped.

    Stop `run` before: it locks the store.

    Exit status 1: an id does not exist; 69: `run` holds the store.

    Example: jmxbridge dlq purge --all
    """
    _move("purge", ids, everything, file, as_json)


def _move(verb: str, ids: list[int] | None, everything: bool, file: Path, as_json: bool) -> None:
    if bool(ids) == everything:
        fail(
            f"which dead letters? Give ids (see jmxbridge dlq ls), or --all to {verb} every one",
            USAGE,
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

    ids = [number for number in ids if abs(number) <= MAX_ID]
    async with await open_store(settings, os.environ) as store:
        move = store.replay if verb == "replay" else store.purge
        moved = 0
        for start in range(0, len(ids), IDS_PER_TRANSACTION):
            moved += await move(ids[start : start + IDS_PER_TRANSACTION])
        return moved


def entry(letter: "DeadLetter") -> dict[str, Any]:
    """Return one dead letter as JSON; times are nanoseconds since the epoch."""
    return {**asdict(letter), "line": shown(letter.line)}


def shown(line: bytes) -> str:
    """Decode a line; bytes that are not UTF-8 are escaped."""
    return line.decode("utf-8", "backslashreplace")
