"""`jmxbridge config`: the file as it is understood, and its form for editors."""

from typing import Annotated

import typer

from jmxbridge.cli.arguments import DEFAULT_FILE, File, load_settings
from jmxbridge.cli.exit import reported

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Show what a file means, and what it may say.\n\nExample: jmxbridge config show",
)


@app.command("show")
def show(
    file: File = DEFAULT_FILE,
    effective: Annotated[
        bool, typer.Option("--effective", help="All that holds; it is shown in any case.")
    ] = True,
) -> None:
    """Print all that holds: FILE with every default, and the rules of the packs it collects.

    Behind each value stands where it comes from: a line, the variables in it, or default. Each rule
    stands below its place. A secret is shown as a variable, ${TOKEN}; where that is set the text is
    a file that means the same.

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
    """Print the JSON Schema of mbeans.yaml, for editors that complete and check as one types.

    It is installed with the package, and `jmxbridge init` names it in the first line of what it
    writes: `# yaml-language-server: $schema=…`, a path from the file's folder, or a URL.

    Example: jmxbridge config schema > mbeans.schema.json
    """
    import json

    from jmxbridge.config.schema import schema as make

    typer.echo(json.dumps(make(), indent=2))
