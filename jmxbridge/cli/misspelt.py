"""Attributes that look misspelt: a field that would never come, and nobody would say so."""

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jmxbridge.config.model.models import Settings, TargetSettings


async def find_misspelt(
    settings: "Settings", target: "TargetSettings", *, timeout_s: float
) -> list[str]:
    """Name attributes that rules of the file read in vain, where the MBeans have one like it.

    Others may be of another version of what runs there; `mbeans explain` names them too. Packs are
    for many versions, and right.
    """
    from jmxbridge.cli.jvm import connect, jvm_of
    from jmxbridge.jmx import JmxError, RemoteException
    from jmxbridge.mbeans import explanation

    own = [rule for rule in settings.rules_for(target) if not rule.ships]
    if not own:
        return []
    try:
        async with asyncio.timeout(timeout_s), await connect(jvm_of(target)) as mbeans:
            takes, _ = explanation.counts(own, await mbeans.query(None))
            names = list(dict.fromkeys(each.name for each in takes))
            infos = await mbeans.get_infos(names)
    except (JmxError, TimeoutError):  # it answered before, and what is wrong now is told by `run`
        return []
    available = {
        name: [attribute.name for attribute in info.attributes]
        for name, info in zip(names, infos, strict=True)
        if not isinstance(info, RemoteException)
    }
    return [
        f"{each.rule.where}: warning: no MBean of {target.name} has {each.attribute}: did you mean"
        f" {each.meant}?"
        for each in explanation.absent(takes, available)
        if each.meant is not None
    ]
