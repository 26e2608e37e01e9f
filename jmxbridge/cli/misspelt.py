"""Search for misspelt attributes in rules: their fields would be missing without an error."""

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jmxbridge.config.model.models import Settings, TargetSettings


async def find_misspelt(
    settings: "Settings", target: "TargetSettings", *, timeout_s: float
) -> list[str]:
    """Return warnings about attributes that no MBean has, if the MBeans have a similar one.

    Others may belong to another version of the software; `mbeans explain` lists these too. Packs
    cover many versions and are not checked.
    """
    from jmxbridge.cli.jvm import connect, jvm_of
    from jmxbridge.jmx import JmxError, RemoteException
    from jmxbridge.mbeans import explanation

    own = [rule for rule in settings.rules_for(target) if not rule.ships]
    if not own:
        return []
    try:
        async with asyncio.timeout(timeout_s), await connect(jvm_of(target)) as mbeans:
            claims, _ = explanation.counts(own, await mbeans.query(None))
            names = list(dict.fromkeys(claim.name for claim in claims))
            infos = await mbeans.get_infos(names)
    except (JmxError, TimeoutError):  # it answered a moment ago; `run` will report the error
        return []
    available = {
        name: [attribute.name for attribute in info.attributes]
        for name, info in zip(names, infos, strict=True)
        if not isinstance(info, RemoteException)
    }
    return [
        f"{absent.rule.where}: warning: no MBean of {target.name} has {absent.attribute}: did you"
        f" mean {absent.meant}?"
        for absent in explanation.absent(claims, available)
        if absent.meant is not None
    ]
