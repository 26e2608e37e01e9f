"""README, docs, CONTRIBUTING and CHANGELOG: complete, correct and free of dead links.

The tables of docs/packs.md are generated from the packs: a change of a pack rewrites them with
WRITE_DOCS=1 in the environment.
"""

import os
import re
import shlex
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.core import TyperCommand

from jmxbridge import __version__
from jmxbridge.cli import app
from jmxbridge.config.loader import pack_rules, packs
from jmxbridge.config.model.models import Settings
from jmxbridge.config.schema import schema
from jmxbridge.config.settings_builder import build
from jmxbridge.delivery import Delivery
from jmxbridge.influx.probe import MEASUREMENT as CHECK
from jmxbridge.influx.series import SeriesBound
from jmxbridge.kafka.facts.snapshot import Snapshot
from jmxbridge.lag.history.assessment import Assessment
from jmxbridge.lag.output.points import to_points
from jmxbridge.lag.output.renaming import WRITTEN
from jmxbridge.lag.rows import compute_lags
from jmxbridge.mbeans.rule import Rule
from jmxbridge.point import Point
from jmxbridge.pollers.schedule import Tick
from jmxbridge.pollers.self_report import SelfReport
from jmxbridge.store import Store
from tests.cli.test_commands import COMMANDS
from tests.test_walls import ROOMS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
README_LINES = 150
MAX_HEADING = 6

PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text()
    for path in sorted([ROOT / "README.md", *DOCS.glob("*.md")])
}


def page(name: str) -> str:
    """Return the text of a page below docs/."""
    return PAGES[f"docs/{name}.md"]


def section(text: str, heading: str) -> str:
    """Return what stands under a heading, with the headings below it."""
    (marks,) = re.findall(rf"(?m)^(#+) {re.escape(heading)}$", text)
    body = re.split(rf"(?m)^{marks} {re.escape(heading)}$", text)[1]
    return re.split(rf"(?m)^#{{1,{len(marks)}}} ", body)[0]


def rows(text: str) -> list[list[str]]:
    """Return the cells of every table row, without heads and rules."""
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in text.splitlines() if line[:1] == "|"]
    stripped = [[cell.strip() for cell in row] for row in cells]
    return [
        row for row, after in pairwise([*stripped, [""]]) if not is_rule(row) and not is_rule(after)
    ]


def is_rule(row: list[str]) -> bool:
    """Tell the line below a table's head."""
    return bool(row) and all(re.fullmatch(r"-+", cell) for cell in row)


def spans(text: str) -> str:
    """Return the pieces of code in a text, outside of code blocks."""
    return "\n".join(re.findall(r"`([^`\n]+)`", re.sub(r"(?ms)^```.*?^```", "", text)))


def names(text: str, word: str) -> bool:
    """Tell whether a piece of code in a text is, or has in it, this word."""
    return bool(re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", spans(text)))


# --- The command line


def commands(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, TyperCommand]]:
    """Every command that can be typed, by its words."""
    inner = getattr(node, "commands", None)
    if inner is None:
        yield " ".join(path), node
        return
    for name, command in inner.items():
        yield from commands(command, (*path, name))


ALL = dict(commands(typer.main.get_command(app)))


def test_the_tests_know_every_command() -> None:
    """What is asked of one command is asked of all: help, an example, a section in the docs."""
    assert sorted(ALL) == sorted(COMMANDS)


@pytest.mark.parametrize("command", ALL)
def test_every_option_says_what_it_does(command: str) -> None:
    """In --help; options of older tools, which are refused, are hidden there."""
    for option in ALL[command].params:
        assert getattr(option, "help", None) or getattr(option, "hidden", False), option.name


@pytest.mark.parametrize("command", ALL)
def test_commands_are_documented_with_every_option(command: str) -> None:
    """docs/commands.md has a row and a section for each, with all options and arguments."""
    text = page("commands")
    body = section(text, f"jmxbridge {command}")
    common = section(text, "Common to all commands")
    assert f"| [`jmxbridge {command}" in text
    for param in ALL[command].params:
        where = common if getattr(param, "hidden", False) else body
        wanted = [argument(param)] if param.param_type_name == "argument" else param.opts
        missing = [name for name in wanted if not names(where, name)]
        assert missing == [] or missing == ["FILE"]
        assert not missing or names(common, "FILE")


def argument(param: Any) -> str:
    """Return what an argument is called, without the marks of optional and repeated ones."""
    return (param.metavar or param.name or "").upper().strip("[]{}., ").removesuffix("]...")


@pytest.mark.parametrize("command", ALL)
def test_documented_options_exist(command: str) -> None:
    """A section names no option that its command does not have, but those of other commands."""
    known = {name for other in ALL.values() for param in other.params for name in param.opts}
    body = section(page("commands"), f"jmxbridge {command}")
    mine = {name for param in ALL[command].params for name in param.opts}
    table = "\n".join(row[0] for row in rows(body))
    ours = "\n".join(span for span in spans(body).splitlines() if not span.startswith("kafka-"))
    assert set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", table)) <= mine
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", ours)) <= known


def typed() -> Iterator[tuple[str, str]]:
    """Every `jmxbridge …` in a code block or in a piece of code, and its page."""
    for name, text in PAGES.items():
        blocks = re.findall(r"(?ms)^```\n(.*?)^```", text)
        lines = [line for block in blocks for line in block.splitlines()]
        for line in [*lines, *spans(text).splitlines()]:
            if match := re.match(r"(?:\$ )?(jmxbridge [a-z].*)", line):
                yield name, match[1]


def test_commands_in_the_docs_can_be_typed() -> None:
    """Command and options exist, on every page."""
    lines = list(typed())
    assert len(lines) > 40
    for where, line in lines:
        words = shlex.split(line.partition(" | ")[0].partition(" > ")[0], comments=True)[1:]
        command = next(
            (" ".join(words[:size]) for size in (2, 1) if " ".join(words[:size]) in ALL), None
        )
        groups = {name.split()[0] for name in ALL if " " in name}
        assert command is not None or words in [[group] for group in groups], f"{where}: {line}"
        if command is None:
            continue
        known = {name for param in ALL[command].params for name in param.opts}
        options = {word for word in words if re.match(r"--?[a-z]", word)}
        assert options <= known | {"--help"}, f"{where}: {line}"


# --- The settings file


def keys(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every key that the schema of a file has, by where it stands."""
    for key, inner in node.get("properties", {}).items():
        yield (*path, key)
        yield from keys(inner, (*path, key))
    for inner in (node.get("items"), node.get("additionalProperties")):
        if isinstance(inner, dict):
            yield from keys(inner, path)
    for inner in node.get("anyOf", ()):
        yield from keys(inner, path)


def owner(path: tuple[str, ...]) -> str:
    """Return the part of the docs that has a key."""
    if "tls" in path[:-1]:
        return section(page("security"), "JMX")
    if "sasl" in path[:-1]:
        return section(page("security"), "Kafka")
    heading = f"`{path[0]}`" if len(path) > 1 else "Top level"
    return section(page("mbeans-yaml"), heading)


@pytest.mark.parametrize("path", dict.fromkeys(keys(schema())), ids=".".join)
def test_every_key_is_documented(path: tuple[str, ...]) -> None:
    """Each key of the schema stands as code in the section that owns it."""
    assert names(owner(path), path[-1])


def settings_of(text: str) -> Settings:
    """Load a file with one variable set and every secret file there."""
    return build(
        text,
        path=Path("mbeans.yaml"),
        environ={"INFLUX_TOKEN": "x"},
        read_secret=lambda _: "x",
        packs=packs(),
    )


# What a section needs at least, in one line, to try a default in it.
SECTIONS = {
    "Top level": "{{targets: [{target}]{extra}}}",
    "`kafka`": "{{kafka: {{bootstrap: k:9092{extra}}}}}",
    "`targets`": "{{targets: [{{name: a, jmx: 'k:1', collect: [jvm]{extra}}}]}}",
    "Every broker of the cluster": "{{kafka: {{bootstrap: k:9092}}, targets: [{{discover: kafka,"
    " jmx_port: 1, collect: [jvm]{extra}}}]}}",
    "`store`": "{{targets: [{target}], store: {{{extra}}}}}",
}
DEFAULTS = [
    (heading, row[0].strip("`"), row[1].strip("`"))
    for heading in SECTIONS
    for row in rows(section(page("mbeans-yaml"), heading).partition("\n### ")[0])
    if len(row) > 2 and re.fullmatch(r"`[\w{}-]+`|\d+", row[1]) and row[0] != "`allowed_lag`"
]


def test_the_tables_say_defaults() -> None:
    """The tables are still read as they are meant."""
    assert len(DEFAULTS) >= 14


@pytest.mark.parametrize(("heading", "key", "default"), DEFAULTS)
def test_documented_defaults_are_the_defaults(heading: str, key: str, default: str) -> None:
    """A file that says the default means what a file without the key means."""
    form, target = SECTIONS[heading], "{name: a, jmx: 'k:1', collect: [jvm]}"
    first = "" if heading == "`store`" else ", "
    plain = settings_of(form.format(target=target, extra=""))
    explicit = settings_of(form.format(target=target, extra=f"{first}{key}: '{default}'"))
    assert explicit == plain


def examples() -> list[tuple[str, str]]:
    """Every YAML example, with its page."""
    by_page = {name: re.findall(r"(?ms)^```yaml\n(.*?)^```", text) for name, text in PAGES.items()}
    return [(name, text) for name, texts in by_page.items() for text in texts]


@pytest.mark.parametrize(("where", "text"), examples())
def test_yaml_examples_of_the_docs_load(where: str, text: str) -> None:
    """Pasted into a file each example passes `check`, without a warning."""
    made = settings_of(text)
    assert made.targets or made.kafka or made.discover
    assert [warning.message for warning in made.warnings] == []


def test_the_readme_has_an_example() -> None:
    """The smallest file that works stands in the README."""
    assert "README.md" in [name for name, _ in examples()]


# --- What is written


@pytest.mark.parametrize("measurement", WRITTEN)
def test_every_lag_field_is_documented(measurement: str) -> None:
    """Each measurement of the lag has a section in docs/fields.md with its tags and fields."""
    body = section(page("fields"), f"`{measurement}`")
    (row,) = [
        row for row in rows(section(page("fields"), "Consumer lag")) if row[0] == f"`{measurement}`"
    ]
    missing = [
        name for name in WRITTEN[measurement] if not names(f"`cluster` {row[1]} {body}", name)
    ]
    assert missing == []


async def own_points(path: Path) -> list[Point]:
    """Return points that jmxbridge writes about itself, with all their fields together."""
    time_ns = 10**18
    snapshot = Snapshot({}, {}, {}, memberships={})
    async with await Store.open(path, max_bytes=2**20, retain_s=None) as store:
        delivery = Delivery(store, SeriesBound(1))
        report = SelfReport(store, delivery, None, cluster="c", destination="")
        account = await report.poll(Tick(time_ns, 0))
    line = (ROOT / "tests/cli/golden/once.out").read_text().splitlines()[-1]
    target = dict.fromkeys([*re.findall(r"(\w+)=", line.split(" ")[1]), *OF_RMI, "error"], 0)
    return [
        *to_points(Assessment(compute_lags(snapshot)), snapshot, cluster="c", time_ns=time_ns),
        *account,
        Point("jmxbridge_target", {}, target, time_ns),
        Point(CHECK, {}, {"ok": True}, time_ns),
    ]


# Of a connection over a network, which a recording has not.
OF_RMI = ("round_trip_us", "server_us")


async def test_every_field_about_itself_is_documented(tmp_path: Path) -> None:
    """docs/fields.md has a section for each measurement `jmxbridge_…`, with every field."""
    points = await own_points(tmp_path / "store.db")
    assert sorted({point.measurement for point in points}) == [
        "jmxbridge_check",
        "jmxbridge_lag_poll",
        "jmxbridge_process",
        "jmxbridge_store",
        "jmxbridge_target",
    ]
    for point in points:
        body = section(page("fields"), f"`{point.measurement}`")
        assert [name for name in point.fields if not names(body, name)] == []


def pack_table(rules: tuple[Rule, ...]) -> str:
    """Return the table of one pack: a row for each rule."""
    lines = ["| measurement | tags | fields | meaning |", "|---|---|---|---|"]
    for rule in rules:
        fields = ", ".join(f"`{field.name}`" for field in rule.fields)
        tags = ", ".join(f"`{tag}`" for tag in rule.tags)
        about = rule.help.replace("|", r"\|")
        lines.append(
            f"| `{rule.measurement}` | {tags} | {fields} | {about} |".replace("|  |", "| |")
        )
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("name", packs())
def test_packs_are_documented(name: str) -> None:
    """docs/packs.md has each measurement, tag and field of each pack."""
    path = DOCS / "packs.md"
    text = path.read_text()
    body = section(text, f"`{name}`")
    table = "".join(re.findall(r"(?m)^\|.*\n", body))
    wanted = pack_table(pack_rules(name))
    if os.environ.get("WRITE_DOCS"):
        heading = f"## `{name}`\n"
        before, after = text.split(heading)
        following = after[after.find("\n## ") :] if "\n## " in after else ""
        path.write_text(f"{before}{heading}\n{wanted}{following}")
        return
    assert table == wanted, "changed packs: run this test with WRITE_DOCS=1"


# --- Links, paths, sizes


def anchor(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def anchors(text: str) -> set[str]:
    """Return the anchors of a page."""
    headings = re.findall(r"(?m)^#{1,6} (.*)$", re.sub(r"(?ms)^```.*?^```", "", text))
    return {anchor(heading) for heading in headings}


def texts() -> Mapping[str, str]:
    """Every page with links: those of PAGES, and what stands at the top."""
    more = [path for path in sorted(ROOT.glob("*.md")) if path.name not in PAGES]
    return {**PAGES, **{path.name: path.read_text() for path in more}}


@pytest.mark.parametrize("name", texts())
def test_links_lead_somewhere(name: str) -> None:
    """Relative links name files that exist, and headings that exist in them."""
    text = texts()[name]
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?://", link):
            continue
        file, _, wanted = link.partition("#")
        target = (ROOT / name).parent / file if file else ROOT / name
        assert target.exists(), link
        if wanted:
            assert wanted in anchors(target.read_text()), link


FOLDERS = ("jmxbridge", "tests", "demo", "bench", "docs")


@pytest.mark.parametrize("name", texts())
def test_paths_named_by_the_docs_exist(name: str) -> None:
    """A file or folder of this repository that a page names is there."""
    for path in re.findall(rf"(?<![\w/.~-])(?:{'|'.join(FOLDERS)})/[\w./-]*", spans(texts()[name])):
        assert (ROOT / path).exists(), path


def test_names_next_to_a_path_are_in_the_file() -> None:
    """`path.py`, `Class.method`: the file defines what a walk through the code names."""
    walk = re.findall(r"`([\w/]+\.py)`,\s+`([\w.]+)`", page("architecture"))
    assert len(walk) >= 8
    for path, name in walk:
        for part in name.split("."):
            assert re.search(
                rf"(?m)^\s*(?:async )?(?:def|class) {part}\b", (ROOT / path).read_text()
            )


def test_every_page_is_in_the_index() -> None:
    """docs/README.md leads to every page below docs/."""
    index = page("README")
    missing = [path.name for path in sorted(DOCS.glob("*.md")) if f"({path.name})" not in index]
    assert missing == ["README.md"]


def test_the_readme_is_short() -> None:
    """A newcomer reads it in one go; what is longer is a page below docs/."""
    assert len(PAGES["README.md"].splitlines()) <= README_LINES


@pytest.mark.parametrize("name", texts())
def test_tables_have_as_many_cells_as_heads(name: str) -> None:
    """A row with a cell too many or too few is drawn wrong."""
    size = 0
    for line in texts()[name].splitlines():
        cells = len(re.split(r"(?<!\\)\|", line)) if line.startswith("|") else 0
        assert not size or cells in (0, size), line
        size = cells


# --- The changelog


def test_the_changelog_keeps_its_form() -> None:
    """Keep a Changelog 1.1.0: Unreleased first, then versions with dates; known headings alone."""
    text = (ROOT / "CHANGELOG.md").read_text()
    versions = re.findall(r"(?m)^## (.*)$", text)
    assert versions[0] == "Unreleased"
    assert all(
        re.fullmatch(r"\d+\.\d+\.\d+ - \d{4}-\d\d-\d\d", version) for version in versions[1:]
    )
    assert versions[1].split()[0] == __version__
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"(?m)^### (.*)$", text)) <= kinds
    entries = re.findall(r"(?m)^- (.*(?:\n  .*)*)", text)
    assert entries
    assert [entry for entry in entries if not entry.endswith((".", "!"))] == []


# --- The map


def test_the_map_is_what_the_walls_say() -> None:
    """docs/architecture.md has every part of the package, and what it may import."""
    table = rows(section(page("architecture"), "The map"))
    known = {re.split(r"[/.]", row[0].strip("`"))[1]: row[2] for row in table}
    assert known.keys() == ROOMS.keys()
    for name, words in known.items():
        if "everything" not in words:
            assert set(re.findall(r"`(\w+)`", words)) == ROOMS[name], name
            continue
        excepted = set(re.findall(r"`(\w+)`", words))
        above = set(known) if name == "cli" else set(list(known)[: list(known).index(name)])
        assert ROOMS[name] == above - excepted - {name}, name
