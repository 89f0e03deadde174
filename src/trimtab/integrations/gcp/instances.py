"""Machines of Compute Engine."""

from __future__ import annotations

import time

from trimtab.extend.clouds import Deadline, Health, Instance, Seen
from trimtab.integrations.gcp.calling import Calling, Found, region_of_item, tail

SOURCE = "Compute Engine instances.aggregatedList"
NO_CHECK = "Compute Engine has no check of a machine by itself; load balancers tell of theirs"
_HEALTH = {
    "PROVISIONING": Health.STARTING,
    "STAGING": Health.STARTING,
    "RUNNING": Health.UNKNOWN,
    "REPAIRING": Health.UNHEALTHY,
    "PENDING_STOP": Health.LEAVING,
    "STOPPING": Health.LEAVING,
    "SUSPENDING": Health.LEAVING,
    "SUSPENDED": Health.IDLE,
    "TERMINATED": Health.IDLE,
    "STOPPED": Health.IDLE,
}


def instances(calling: Calling, ends: Deadline) -> Seen[Instance]:
    """All of the project, up to the limit."""
    at_ms = time.time_ns() // 1_000_000
    read = calling.aggregated("instances", ends)
    return Seen(tuple(_instance(one, at_ms) for one in read.items), read.missing, read.is_cut)


def _instance(one: Found, at_ms: int) -> Instance:
    status = str(one.get("status", ""))
    return Instance(
        id=str(one.get("id") or one.get("name", "")),
        name=str(one.get("name", "")),
        region=region_of_item(one),
        zone=tail(str(one.get("zone", ""))),
        type=tail(str(one.get("machineType", ""))),
        state=status.lower(),
        is_running=status == "RUNNING",
        health=_HEALTH.get(status, Health.UNKNOWN),
        at_ms=at_ms,
        source=SOURCE,
        why=str(one.get("statusMessage", "")) or (NO_CHECK if status == "RUNNING" else ""),
    )
