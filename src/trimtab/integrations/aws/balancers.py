"""Elastic Load Balancing (application, network and gateway): target groups with the health of their targets."""

from __future__ import annotations

import time

from trimtab.extend.clouds import CloudError, Deadline, Health, Missing, Pool, Seen, Target
from trimtab.integrations.aws.calling import Calling, Found
from trimtab.integrations.aws.names import TARGETS

SOURCE = "ELBv2 DescribeTargetHealth"


def balancers(calling: Calling, region: str, ends: Deadline) -> Seen[Pool]:
    """Target groups, and load balancers that have none."""
    limit = calling.account.items_max
    owners = calling.read("elbv2", region, "describe_load_balancers", ends, lambda page: page.get("LoadBalancers", ()))
    known = {str(one["LoadBalancerArn"]): one for one in owners.items}
    groups = calling.read("elbv2", region, "describe_target_groups", ends, lambda page: page.get("TargetGroups", ()))
    missing = [*owners.missing, *groups.missing]
    pools: list[Pool] = []
    seen: set[str] = set()
    for one in groups.items:
        arns = [str(arn) for arn in one.get("LoadBalancerArns", ())]
        seen.update(arns)
        pools.append(_pool(calling, region, ends, one, [known[arn] for arn in arns if arn in known], missing))
    at_ms = time.time_ns() // 1_000_000
    pools += [_without_targets(one, region, at_ms) for arn, one in known.items() if arn not in seen]
    return Seen(tuple(pools[:limit]), tuple(missing), owners.is_cut or groups.is_cut or len(pools) > limit)


def _pool(
    calling: Calling,
    region: str,
    ends: Deadline,
    group: Found,
    owners: list[Found],
    missing: list[Missing],
) -> Pool:
    why = ""
    targets: tuple[Target, ...] = ()
    try:
        found = calling.ask(
            "elbv2", region, "describe_target_health", ends, TargetGroupArn=str(group["TargetGroupArn"])
        )
        targets = tuple(_target(one) for one in found.get("TargetHealthDescriptions", ()))
    except CloudError as error:
        why = error.message
        missing.append(Missing(region, f"targets of {group['TargetGroupName']}", error.message, error.trouble))
    return Pool(
        id=str(group["TargetGroupArn"]),
        name=str(group["TargetGroupName"]),
        balancers=tuple(str(one["LoadBalancerName"]) for one in owners),
        region=region,
        kind=str(owners[0].get("Type", "")) if owners else str(group.get("TargetType", "")),
        state=_state(owners),
        targets=targets,
        at_ms=time.time_ns() // 1_000_000,
        source=SOURCE,
        why=why,
    )


def _without_targets(one: Found, region: str, at_ms: int) -> Pool:
    name = str(one["LoadBalancerName"])
    return Pool(
        id=str(one["LoadBalancerArn"]),
        name="",
        balancers=(name,),
        region=region,
        kind=str(one.get("Type", "")),
        state=_state([one]),
        targets=(),
        at_ms=at_ms,
        source="ELBv2 DescribeLoadBalancers",
        why="it has no target group",
    )


def _state(owners: list[Found]) -> str:
    """The worst state of the load balancers of a group; '' where it has none."""
    states = [str(one.get("State", {}).get("Code", "")) for one in owners]
    return next((state for state in states if state != "active"), states[0] if states else "")


def _target(one: Found) -> Target:
    told = one.get("TargetHealth", {})
    state = str(told.get("State", ""))
    return Target(
        id=str(one.get("Target", {}).get("Id", "")),
        port=one.get("Target", {}).get("Port"),
        health=TARGETS.get(state, Health.UNKNOWN),
        state=state,
        why=": ".join(filter(None, (str(told.get("Reason", "")), str(told.get("Description", ""))))),
    )
