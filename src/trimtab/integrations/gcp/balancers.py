"""Backend services of load balancers, with the health of what is behind them."""

from __future__ import annotations

import time

from trimtab.extend.clouds import CloudError, Deadline, Health, Missing, Pool, Seen, Target
from trimtab.integrations.gcp.calling import COMPUTE, Calling, Found, region_of_item, tail

SOURCE = "Compute Engine backendServices.getHealth"
_HEALTH = {"HEALTHY": Health.HEALTHY, "UNHEALTHY": Health.UNHEALTHY, "DRAINING": Health.LEAVING}


def balancers(calling: Calling, ends: Deadline) -> Seen[Pool]:
    """All backend services of the project, up to the limit."""
    read = calling.aggregated("backendServices", ends)
    missing = list(read.missing)
    pools = tuple(_pool(calling, one, ends, missing) for one in read.items)
    return Seen(pools, tuple(missing), read.is_cut)


def _pool(calling: Calling, one: Found, ends: Deadline, missing: list[Missing]) -> Pool:
    name = str(one.get("name", ""))
    targets: list[Target] = []
    whys: list[str] = []
    groups = [str(backend.get("group", "")) for backend in one.get("backends") or ()]
    for group in groups:
        try:
            found = calling.post(COMPUTE, f"{_path(calling, one)}/getHealth", ends, {"group": group})
            targets += [_target(status) for status in found.get("healthStatus") or ()]
        except CloudError as error:
            whys.append(f"{tail(group)}: {error.message}")
            missing.append(Missing(region_of_item(one), f"targets of {name}", error.message, error.trouble))
    if not groups:
        whys.append("it has no backends")
    return Pool(
        id=str(one.get("selfLink") or name),
        name=name,
        balancers=(),
        region=region_of_item(one),
        kind=str(one.get("loadBalancingScheme", "")).lower(),
        state="",
        targets=tuple(targets),
        at_ms=time.time_ns() // 1_000_000,
        source=SOURCE,
        why="; ".join(whys),
    )


def _path(calling: Calling, one: Found) -> str:
    region = tail(str(one.get("region") or ""))
    where = f"regions/{region}" if region else "global"
    return f"/compute/v1/projects/{calling.project}/{where}/backendServices/{one.get('name', '')}"


def _target(status: Found) -> Target:
    state = str(status.get("healthState", ""))
    return Target(
        id=tail(str(status.get("instance", ""))) or str(status.get("ipAddress", "")),
        port=status.get("port"),
        health=_HEALTH.get(state, Health.UNKNOWN),
        state=state.lower(),
        why=" ".join(filter(None, (str(status.get("ipAddress", "")), str(status.get("weightError", ""))))),
    )
