"""Auto Scaling: groups with their sizes, and their activities."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable

from trimtab.extend.clouds import (
    CloudError,
    Deadline,
    Missing,
    Scaling,
    ScalingEvent,
    ScalingGroup,
    ScalingOutcome,
    Seen,
)
from trimtab.integrations.aws.calling import Calling, Found
from trimtab.integrations.aws.names import OUTCOMES, ms_of

GROUPS = "Auto Scaling DescribeAutoScalingGroups"
ACTIVITIES = "Auto Scaling DescribeScalingActivities"
_SIZES = re.compile(r"(?:increasing|decreasing|changing) the (?:desired )?capacity from (\d+) to (\d+)")


def scaling(calling: Calling, region: str, ends: Deadline, since_ms: int) -> Scaling:
    """Groups, and what changed them since a moment."""
    at_ms = time.time_ns() // 1_000_000
    groups = calling.read("autoscaling", region, "describe_auto_scaling_groups", ends, _groups)
    items = tuple(_group(one, region, at_ms) for one in groups.items)
    return Scaling(Seen(items, groups.missing, groups.is_cut), _events(calling, region, ends, since_ms))


def _events(calling: Calling, region: str, ends: Deadline, since_ms: int) -> Seen[ScalingEvent]:
    """AWS tells them newest first: a page without any that is new enough is the last that is asked for."""
    is_over = False

    def new_enough(page: Found) -> Iterable[Found]:
        nonlocal is_over
        recent = [one for one in page.get("Activities", ()) if ms_of(one.get("StartTime")) >= since_ms]
        is_over = len(recent) < len(page.get("Activities", ()))
        return recent

    try:
        read = calling.read(
            "autoscaling", region, "describe_scaling_activities", ends, new_enough, is_over=lambda: is_over
        )
    except CloudError as error:
        return Seen(missing=(Missing(region, "scaling events", error.message, error.trouble),))
    return Seen(tuple(_event(one, region) for one in read.items), read.missing, read.is_cut)


def _groups(page: Found) -> Iterable[Found]:
    found: Iterable[Found] = page.get("AutoScalingGroups", ())
    return found


def _group(one: Found, region: str, at_ms: int) -> ScalingGroup:
    members = one.get("Instances", ())
    suspended = [str(process.get("ProcessName", "")) for process in one.get("SuspendedProcesses", ())]
    unhealthy = [member for member in members if member.get("HealthStatus") != "Healthy"]
    told = [str(one.get("Status", "")), f"suspended: {', '.join(suspended)}" if suspended else ""]
    return ScalingGroup(
        id=str(one.get("AutoScalingGroupARN") or one["AutoScalingGroupName"]),
        name=str(one["AutoScalingGroupName"]),
        region=region,
        desired_count=one.get("DesiredCapacity"),
        running_count=sum(member.get("LifecycleState") == "InService" for member in members),
        low_count=one.get("MinSize"),
        high_count=one.get("MaxSize"),
        unhealthy_count=len(unhealthy),
        at_ms=at_ms,
        source=GROUPS,
        why="; ".join(filter(None, told)),
    )


def _event(one: Found, region: str) -> ScalingEvent:
    cause = str(one.get("Cause", ""))
    before, after = sizes_of(cause)
    return ScalingEvent(
        id=str(one["ActivityId"]),
        group=str(one["AutoScalingGroupName"]),
        region=region,
        at_ms=ms_of(one.get("StartTime")),
        outcome=OUTCOMES.get(str(one.get("StatusCode", "")), ScalingOutcome.RUNNING),
        what=str(one.get("Description", "")),
        source=ACTIVITIES,
        why=" ".join(filter(None, (str(one.get("StatusMessage", "")), cause))),
        before_count=before,
        after_count=after,
    )


def sizes_of(cause: str) -> tuple[int | None, int | None]:
    """The sizes before and after, where AWS says them.

    >>> sizes_of("At T an instance was started in response to a difference, increasing the capacity from 1 to 3.")
    (1, 3)
    >>> sizes_of("a user request")
    (None, None)
    """
    found = _SIZES.search(cause)
    return (int(found[1]), int(found[2])) if found else (None, None)
