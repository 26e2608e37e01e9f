"""What a file asks of the brokers of its cluster, once they are known."""

from collections.abc import Mapping
from dataclasses import dataclass

from jmxbridge.config.model.models import Settings
from jmxbridge.config.text.malformed import Malformed
from jmxbridge.config.values.address import Address


@dataclass(frozen=True, slots=True)
class WithBrokers:
    """A file with a target for each broker, and why one or another is none."""

    settings: Settings
    problems: tuple[str, ...] = ()


def with_brokers(settings: Settings, brokers: Mapping[int, tuple[str, int]]) -> WithBrokers:
    """Add a target for each broker by the `discover` entries; the file's targets keep their names.

    `brokers` has host and port by broker id. A later call with other brokers starts from what the
    file itself has.
    """
    targets = list(settings.targets)
    taken = {target.name for target in targets}
    problems = []
    for number, (host, port) in sorted(brokers.items()):
        for each in settings.discover:
            try:
                target = each.target(number, Address(host, port))
            except Malformed as error:
                problems.append(f"broker {number}: jmx_port {each.jmx_port}: {error.message}")
                continue
            if target.name not in taken:
                taken.add(target.name)
                targets.append(target)
    return WithBrokers(settings.model_copy(update={"targets": tuple(targets)}), tuple(problems))
