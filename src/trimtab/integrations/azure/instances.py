"""Virtual machines, with their power state and what Resource Health says."""

from __future__ import annotations

import time

from trimtab.extend.clouds import Deadline, Health, Instance, Seen
from trimtab.integrations.azure.calling import Calling, Found, key_of, region_of
from trimtab.integrations.azure.health import Availability, availability

VERSION = "2024-07-01"
SOURCE = "Compute virtualMachines (statusOnly), Resource Health"
_POWER = {
    "starting": Health.STARTING,
    "stopping": Health.LEAVING,
    "deallocating": Health.LEAVING,
    "stopped": Health.IDLE,
    "deallocated": Health.IDLE,
}


def instances(calling: Calling, ends: Deadline) -> Seen[Instance]:
    """All of the subscription, up to the limit."""
    at_ms = time.time_ns() // 1_000_000
    path = calling.of_subscription("Microsoft.Compute/virtualMachines")
    machines = calling.read(path, VERSION, ends)
    statuses = calling.read(path, VERSION, ends, statusOnly="true")
    views = {key_of(str(one.get("id", ""))): one.get("properties", {}).get("instanceView") for one in statuses.items}
    healths = availability(calling, ends)
    items = tuple(
        _instance(one, views.get(key_of(str(one.get("id", "")))), healths, at_ms)
        for one in calling.here(machines.items)
    )
    return Seen(items, (*machines.missing, *statuses.missing, *healths.missing), machines.is_cut)


def _instance(one: Found, view: Found | None, healths: Availability, at_ms: int) -> Instance:
    identity = str(one.get("id", ""))
    properties = one.get("properties", {})
    codes = {str(status.get("code", "")): status for status in (view or {}).get("statuses") or ()}
    power = next((code.partition("/")[2] for code in codes if code.startswith("PowerState/")), "")
    health, why = healths.of(identity)
    if power != "running":
        health, why = _POWER.get(power, health), why if health is Health.UNHEALTHY else ""
    failed = next((status for code, status in codes.items() if code.startswith("ProvisioningState/failed")), None)
    if failed is not None:
        health, why = Health.UNHEALTHY, str(failed.get("message") or failed.get("displayStatus") or "")
    return Instance(
        id=identity,
        name=str(one.get("name", "")),
        region=region_of(one),
        zone="-".join(filter(None, (region_of(one), *map(str, one.get("zones") or ())))),
        type=str(properties.get("hardwareProfile", {}).get("vmSize", "")),
        state=power or str(properties.get("provisioningState", "")).lower(),
        is_running=power == "running",
        health=health,
        at_ms=at_ms,
        source=SOURCE,
        why=why,
    )
