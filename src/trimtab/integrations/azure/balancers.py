"""Load balancers, with the share of good health probes of each address behind them, from Azure Monitor."""

from __future__ import annotations

import time

from trimtab.extend.clouds import CloudError, Deadline, Health, Missing, Pool, Seen, Target
from trimtab.integrations.azure.calling import Calling, Found, region_of
from trimtab.integrations.azure.metrics import WINDOW_S, newest
from trimtab.model.infrastructure import Measure

VERSION = "2024-05-01"
METRIC, DIMENSION = "DipAvailability", "BackendIPAddress"
SOURCE = f"Monitor Microsoft.Network/loadBalancers {METRIC}"


def balancers(calling: Calling, ends: Deadline) -> Seen[Pool]:
    """All of the subscription, up to the limit."""
    read = calling.read(calling.of_subscription("Microsoft.Network/loadBalancers"), VERSION, ends)
    missing = list(read.missing)
    pools = tuple(_pool(calling, one, ends, missing) for one in calling.here(read.items))
    return Seen(pools, tuple(missing), read.is_cut)


def _pool(calling: Calling, one: Found, ends: Deadline, missing: list[Missing]) -> Pool:
    name, sku = str(one.get("name", "")), str(one.get("sku", {}).get("name", ""))
    groups = one.get("properties", {}).get("backendAddressPools") or ()
    targets: tuple[Target, ...] = ()
    healthy: Measure | None = None
    why = "" if groups else "it has no backend pool"
    if groups and sku == "Basic":
        why = "a load balancer of the SKU Basic does not tell the health of its probes"
    elif groups:
        try:
            found = newest(calling, str(one["id"]), (METRIC,), ends, DIMENSION)
        except CloudError as error:
            found, why = {}, error.message
            missing.append(Missing(region_of(one), f"targets of {name}", error.message, error.trouble))
        targets = tuple(_target(address, value.value) for (_, address), value in found.items())
        if found:
            mean = sum(value.value for value in found.values()) / len(found)
            at_ms = max(value.at_ms for value in found.values())
            healthy = Measure("healthy_ratio", mean / 100, "ratio", at_ms, SOURCE, interval_ms=60_000)
        why = why or ("" if found else f"no health probe was told in the last {WINDOW_S // 60} minutes")
    return Pool(
        id=str(one.get("id", "")),
        name=", ".join(str(group.get("name", "")) for group in groups),
        balancers=(name,),
        region=region_of(one),
        kind=sku.lower(),
        state=str(one.get("properties", {}).get("provisioningState", "")).lower(),
        targets=targets,
        at_ms=time.time_ns() // 1_000_000,
        source=SOURCE,
        why=why,
        healthy=healthy,
    )


def _target(address: str, good_percent: float) -> Target:
    is_good = good_percent >= 100
    why = "" if is_good else f"{good_percent:.0f} % of its health probes were good in the last minute"
    state = "up" if is_good else "down" if good_percent <= 0 else "unsteady"
    return Target(address, None, Health.HEALTHY if is_good else Health.UNHEALTHY, state, why)
