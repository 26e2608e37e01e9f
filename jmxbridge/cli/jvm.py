"""Which JVM a command looks at, and with which rules."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jmxbridge.cli import completion
from jmxbridge.cli.arguments import settings_if_any
from jmxbridge.cli.exit import USAGE, fail

if TYPE_CHECKING:
    from jmxbridge.config.model.models import Settings, TargetSettings
    from jmxbridge.jmx import Credentials, ObjectName, Tls
    from jmxbridge.mbeans.rule import Rule
    from jmxbridge.transports.transport import MBeans

TargetName = Annotated[
    str,
    typer.Argument(
        metavar="TARGET",
        help="Name from the file, or HOST:PORT, or the URL of a Jolokia agent.",
        autocompletion=completion.targets,
    ),
]
EVERYTHING = "*:*"
# As long as connecting over RMI may take.
TIMEOUT_S = 10.0
# Of targets in a message: a line of them.
MAX_NAMED = 8


@dataclass(frozen=True, slots=True)
class Jvm:
    """Where a JVM's JMX port is and what opens it; `rmi_...` replace what it advertises.

    With `jolokia_url` it is asked there instead.
    """

    host: str
    port: int
    rmi_host: str | None = None
    rmi_port: int | None = None
    credentials: "Credentials | None" = None
    tls: "Tls | None" = None
    jolokia_url: str | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """A JVM, and what the file says about it: nothing where HOST:PORT was given."""

    jvm: Jvm
    settings: "Settings | None" = None
    target: "TargetSettings | None" = None

    def rules(self, sets: Sequence[str]) -> "tuple[Rule, ...]":
        """Return the rules of sets and packs by name; else what the target collects; else all.

        All are those of the file, and without a file those of every pack that goes with the others.
        """
        from jmxbridge.config.loader import PRESETS, pack_rules, packs

        if self.settings is not None and self.target is not None and not sets:
            return self.settings.rules_for(self.target)
        known = {} if self.settings is None else self.settings.mbeans
        shipped = packs()
        for name in sets:
            if name not in known and name not in shipped:
                names = ", ".join(dict.fromkeys((*known, *shipped)))
                fail(f"no set or pack {name}: there is {names}", USAGE)
        wanted = sets or known or [name for name in shipped if name not in PRESETS]
        return tuple(
            rule for name in wanted for rule in (known[name] if name in known else pack_rules(name))
        )


def find(target: str, file: Path | None) -> Subject:
    """Return the file's target of that name, or the one at HOST:PORT; raises ConfigError."""
    from jmxbridge.config.text.problem import InvalidValue
    from jmxbridge.config.values.grammar import closest
    from jmxbridge.config.values.jmx_address import parse_jmx_address

    settings = settings_if_any(file)
    if settings is not None and target not in {each.name for each in settings.targets}:
        settings = with_its_brokers(settings, target)
    known = {} if settings is None else {each.name: each for each in settings.targets}
    if target in known:
        return Subject(jvm_of(known[target]), settings, known[target])
    try:
        address = parse_jmx_address(target)
    except InvalidValue as exc:
        near = closest(target, known)
        names = f" (did you mean {near}?)" if near else _names(known)
        fail(f"{target} is neither a target of the file{names} nor HOST:PORT: {exc}", USAGE)
    if address.url is not None:
        return Subject(Jvm(address.host, address.port, jolokia_url=address.agent_url()), settings)
    server = address.server
    if server is None:
        return Subject(Jvm(address.host, address.port), settings)
    return Subject(Jvm(address.host, address.port, server.host, server.port), settings)


def _names(known: Collection[str]) -> str:
    """Say what targets there are, a few of them."""
    shown = ", ".join(list(known)[:MAX_NAMED])
    rest = f" and {len(known) - MAX_NAMED} more" if len(known) > MAX_NAMED else ""
    return f" (the file has {shown}{rest})" if known else ""


def with_its_brokers(settings: "Settings", target: str) -> "Settings":
    """Ask the cluster for its brokers where a target may be one that the file wants found."""
    if not settings.discover or ":" in target:
        return settings
    from jmxbridge.once import meet_brokers

    met, problems = asyncio.run(meet_brokers(settings))
    for problem in problems:
        typer.echo(problem, err=True)
    return met


def jvm_of(target: "TargetSettings") -> Jvm:
    """Return where a target of the file is."""
    from jmxbridge import build

    return Jvm(
        target.jmx.host,
        target.jmx.port,
        target.server_host,
        target.server_port,
        build.credentials(target),
        build.tls(target),
        target.jolokia_url,
    )


def parse_pattern(text: str) -> "ObjectName":
    """Read an ObjectName or pattern from the command line."""
    from jmxbridge.jmx.object_name import MalformedObjectName, ObjectName

    try:
        return ObjectName.parse(text)
    except MalformedObjectName as exc:
        mend = "" if ":" in text else f"; all MBeans of a domain are {text}:*"
        fail(f"{text}\n{' ' * exc.position}^ {exc}{mend}", USAGE)


async def connect(jvm: Jvm) -> "MBeans":
    """Connect as `run` does."""
    from jmxbridge import jmx
    from jmxbridge.transports.jolokia_agent import JolokiaAgent

    if jvm.jolokia_url is not None:
        return JolokiaAgent(
            jvm.jolokia_url, credentials=jvm.credentials, tls=jvm.tls, timeout_s=TIMEOUT_S
        )
    return await jmx.connect(
        jvm.host,
        jvm.port,
        rmi_host=jvm.rmi_host,
        rmi_port=jvm.rmi_port,
        credentials=jvm.credentials,
        tls=jvm.tls,
    )
