"""Target of a command: its JVM, and the rules that apply to it."""

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
        help="A target's name in the file, HOST:PORT, or the URL of a Jolokia agent.",
        autocompletion=completion.targets,
    ),
]
EVERYTHING = "*:*"
TIMEOUT_S = 10.0  # the same as for a connection over RMI
MAX_NAMED = 8  # targets in an error message: about a line


@dataclass(frozen=True, slots=True)
class Jvm:
    """Address and credentials of a JVM's JMX port; `rmi_...` replace the address it advertises.

    With `jolokia_url`, the address of its Jolokia agent is used instead.
    """

    host: str
    port: int
    rmi_host: str | None = None
    rmi_port: int | None = None
    credentials: "Credentials | None" = None
    tls: "Tls | None" = None
    jolokia_url: str | None = None


@dataclass(frozen=True, slots=True)
class ResolvedTarget:
    """A JVM, and its settings in the file; none of these for HOST:PORT."""

    jvm: Jvm
    settings: "Settings | None" = None
    target: "TargetSettings | None" = None

    def rules(self, sets: Sequence[str]) -> "tuple[Rule, ...]":
        """Return the rules of the named sets and packs, else those that the target collects.

        Without either, all rules of the file; without a file, those of every pack that can be
        combined with the others.
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


def find(target: str, file: Path | None) -> ResolvedTarget:
    """Find a target by its name in the file, or by HOST:PORT; raises ConfigError."""
    from jmxbridge.config.text.problem import InvalidValue
    from jmxbridge.config.values.grammar import closest
    from jmxbridge.config.values.jmx_address import parse_jmx_address

    settings = settings_if_any(file)
    if settings is not None and target not in {known.name for known in settings.targets}:
        settings = with_its_brokers(settings, target)
    known = {} if settings is None else {known.name: known for known in settings.targets}
    if target in known:
        return ResolvedTarget(jvm_of(known[target]), settings, known[target])
    try:
        address = parse_jmx_address(target)
    except InvalidValue as exc:
        near = closest(target, known)
        names = f" (did you mean {near}?)" if near else _names(known)
        fail(f"{target} is neither a target of the file{names} nor HOST:PORT: {exc}", USAGE)
    if address.url is not None:
        return ResolvedTarget(
            Jvm(address.host, address.port, jolokia_url=address.agent_url()), settings
        )
    server = address.server
    if server is None:
        return ResolvedTarget(Jvm(address.host, address.port), settings)
    return ResolvedTarget(Jvm(address.host, address.port, server.host, server.port), settings)


def _names(known: Collection[str]) -> str:
    """List some of the known targets for an error message."""
    shown = ", ".join(list(known)[:MAX_NAMED])
    rest = f" and {len(known) - MAX_NAMED} more" if len(known) > MAX_NAMED else ""
    return f" (the file has {shown}{rest})" if known else ""


def with_its_brokers(settings: "Settings", target: str) -> "Settings":
    """Query the cluster for its brokers, if the file discovers them and the target may be one."""
    if not settings.discover or ":" in target:
        return settings
    from jmxbridge.once import meet_brokers

    met, problems = asyncio.run(meet_brokers(settings))
    for problem in problems:
        typer.echo(problem, err=True)
    return met


def jvm_of(target: "TargetSettings") -> Jvm:
    """Return the JVM of a target in the file."""
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
    """Parse an ObjectName or pattern; exit with a usage error if it is malformed."""
    from jmxbridge.jmx.object_name import MalformedObjectName, ObjectName

    try:
        return ObjectName.parse(text)
    except MalformedObjectName as exc:
        hint = "" if ":" in text else f"; all MBeans of a domain are {text}:*"
        fail(f"{text}\n{' ' * exc.position}^ {exc}{hint}", USAGE)


async def connect(jvm: Jvm) -> "MBeans":
    """Connect as `run` does."""
    from jmxbridge import jmx
    from jmxbridge.transports.jolokia_agent import JolokiaAgent

    if jvm.jolokia_url is not None:
        credentials = jvm.credentials
        return JolokiaAgent(
            jvm.jolokia_url,
            credentials=None if credentials is None else lambda: credentials,
            tls=jvm.tls,
            timeout_s=TIMEOUT_S,
        )
    return await jmx.connect(
        jvm.host,
        jvm.port,
        rmi_host=jvm.rmi_host,
        rmi_port=jvm.rmi_port,
        credentials=jvm.credentials,
        tls=jvm.tls,
    )
