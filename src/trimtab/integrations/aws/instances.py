"""Machines: what EC2 says of them, and what its status checks say."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from trimtab.extend.clouds import CloudError, Deadline, Health, Instance, Missing, Seen
from trimtab.integrations.aws.calling import Calling, Found
from trimtab.integrations.aws.names import INSTANCE_CHECKS, name_of, worst

SOURCE = "EC2 DescribeInstances, DescribeInstanceStatus"


def instances(calling: Calling, region: str, ends: Deadline) -> Seen[Instance]:
    """All of a region, up to the limit. Where status checks may not be read, the machines are there without health."""
    at_ms = time.time_ns() // 1_000_000
    checks: dict[str, tuple[Health, str]] = {}
    missing: tuple[Missing, ...] = ()
    try:
        told = calling.read("ec2", region, "describe_instance_status", ends, _statuses, IncludeAllInstances=True)
        checks = {str(one["InstanceId"]): _check(one) for one in told.items}
        missing = told.missing
    except CloudError as error:
        missing = (Missing(region, "status checks", error.message, error.trouble),)
    found = calling.read("ec2", region, "describe_instances", ends, _machines)
    items = tuple(_instance(one, checks, region, at_ms) for one in found.items)
    return Seen(items, (*missing, *found.missing), found.is_cut)


def _statuses(page: Found) -> Iterable[Found]:
    found: Iterable[Found] = page.get("InstanceStatuses", ())
    return found


def _machines(page: Found) -> Iterable[Found]:
    return (one for reservation in page.get("Reservations", ()) for one in reservation.get("Instances", ()))


def _check(one: Found) -> tuple[Health, str]:
    parts = {
        "instance": one.get("InstanceStatus", {}),
        "system": one.get("SystemStatus", {}),
        "attached EBS": one.get("AttachedEbsStatus", {}),
    }
    told = {name: str(part["Status"]) for name, part in parts.items() if part.get("Status")}
    told = {name: status for name, status in told.items() if name != "attached EBS" or status != "not-applicable"}
    wrong = [f"{name} check: {status}" for name, status in told.items() if status not in ("ok", "not-applicable")]
    planned = [
        f"{event.get('Code', 'event')}: {event.get('Description', '')}".strip(": ")
        for event in one.get("Events", ())
        if not str(event.get("Description", "")).startswith("[Completed]")
    ]
    healths = [INSTANCE_CHECKS.get(status, Health.UNKNOWN) for status in told.values()]
    return worst(healths), "; ".join([*wrong, *planned])


def _instance(one: Found, checks: Mapping[str, tuple[Health, str]], region: str, at_ms: int) -> Instance:
    state = str(one.get("State", {}).get("Name", ""))
    health, why = checks.get(str(one["InstanceId"]), (Health.UNKNOWN, "its status checks were not read"))
    if state != "running":
        health, why = _not_running(state), str(one.get("StateTransitionReason", ""))
    return Instance(
        id=str(one["InstanceId"]),
        name=name_of(one.get("Tags", ())),
        region=region,
        zone=str(one.get("Placement", {}).get("AvailabilityZone", "")),
        type=str(one.get("InstanceType", "")),
        state=state,
        is_running=state == "running",
        health=health,
        at_ms=at_ms,
        source=SOURCE,
        why=why,
    )


def _not_running(state: str) -> Health:
    return Health.STARTING if state == "pending" else Health.LEAVING if state in _ENDING else Health.IDLE


_ENDING = frozenset({"stopping", "shutting-down"})
