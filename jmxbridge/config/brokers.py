"""Targets that a file discovers: one for each broker of its cluster."""

from collections.abc import Mapping
from dataclasses import dataclass

from jmxbridge.config.model.models import Settings
from jmxbridge.config.text.problem import InvalidValue
from jmxbridge.config.values.address import Address


@dataclass(frozen=True, slots=True)
class WithBrokers:
    """Settings with a target for each broker; `problems` tells why a broker has none."""

    settings: Settings
    problems: tuple[str, ...] = ()


def with_brokers(settings: Settings, brokers: Mapping[int, tuple[str, int]]) -> WithBrokers:
    """Add a target for each broker by the `discover` entries; the file's targets keep their names.

    `brokers` has host and port by broker id. A later call with other brokers starts from what the
    file itself has.
    """
    targets = list(settings.targets)
    names = {target.name for target in targets}
    problems = []
    for broker, (host, port) in sorted(brokers.items()):
        for discovery in settings.discover:
            try:
                target = discovery.target(broker, Address(host, port))
            except InvalidValue as error:
                problems.append(f"broker {broker}: jmx_port {discovery.jmx_port}: {error.message}")
                continue
            if target.name not in names:
                names.add(target.name)
                targets.append(target)
    return WithBrokers(settings.model_copy(update={"targets": tuple(targets)}), tuple(problems))
