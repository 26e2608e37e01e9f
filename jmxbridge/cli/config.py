"""`jmxbridge config`: the effective settings of a file, and the JSON Schema for editors."""

from typing import Annotated

import typer

from jmxbridge.cli.arguments import DEFAULT_FILE, File, load_settings
from jmxbridge.cli.exit import reported

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Show effective settings, or the JSON Schema.\n\nExample: jmxbridge config show",
)


@app.command("show")
def show(
    file: File = DEFAULT_FILE,
    effective: Annotated[
        bool, typer.Option("--effective", help="Include every default; this is always so.")
    ] = True,
) -> None:
    """Print the effective settings: FILE, every default, and the rules of the collected packs.

    A comment after each value tells its source: a line, the variables in it, or default. A comment
    above each rule tells its place. A secret is printed as a variable, ${TOKEN}; if that is set,
    the output is a file with the same meaning.

    Example: jmxbridge config show mbeans.yaml
    """
    import os

    from jmxbridge.config.loader import load_origins
    from jmxbridge.config.show.effective import show as write

    with reported():
        settings = load_settings(file)
        typer.echo(write(settings, load_origins(file, os.environ)), nl=False)


@app.command("schema")
def schema() -> None:
    """Print the JSON Schema of mbeans.yaml, for editors that complete and check while you type.

    The schema is installed with the package. `jmxbridge init` refers to it in the first line of the
    file it writes: `# yaml-language-server: $schema=…`, a path from the file's folder, or a URL.

    Example: jmxbridge config schema > mbeans.schema.json
    """
    import json

    from jmxbridge.config.schema import schema as make

    typer.echo(json.dumps(make(), indent=2))
