"""Managed instance groups with their autoscalers. Compute Engine keeps no list of changes of their size: what it tells
are errors; changes are seen from look to look."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from datetime import datetime

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
from trimtab.integrations.gcp.calling import COMPUTE, Calling, Found, region_of_item, tail

GROUPS = "Compute Engine instanceGroupManagers.aggregatedList, autoscalers.aggregatedList"
ERRORS = "Compute Engine instanceGroupManagers.listErrors"
ASKED_FOR_ERRORS_MAX = 50
"""Groups that are not stable are asked for their errors, so many of them."""


def scaling(calling: Calling, ends: Deadline, since_ms: int) -> Scaling:
    """Groups, and errors of those that are not stable."""
    at_ms = time.time_ns() // 1_000_000
    managers = calling.aggregated("instanceGroupManagers", ends)
    missing = list(managers.missing)
    scalers: Mapping[str, Found] = {}
    try:
        read = calling.aggregated("autoscalers", ends)
        scalers = {_path(str(one.get("target", ""))): one for one in read.items}
        missing += read.missing
    except CloudError as error:
        missing.append(Missing("", "autoscalers", error.message, error.trouble))
    groups = tuple(_group(one, scalers.get(_path(str(one.get("selfLink", "")))), at_ms) for one in managers.items)
    unstable = [one for one in managers.items if one.get("status", {}).get("isStable") is False]
    events: list[ScalingEvent] = []
    lost: list[Missing] = []
    for one in unstable[:ASKED_FOR_ERRORS_MAX]:
        try:
            events += _errors(calling, one, ends, since_ms)
        except CloudError as error:
            lost.append(Missing(region_of_item(one), f"errors of {one.get('name', '')}", error.message, error.trouble))
    events.sort(key=lambda event: -event.at_ms)
    told = Seen(tuple(events), tuple(lost), len(unstable) > ASKED_FOR_ERRORS_MAX)
    return Scaling(Seen(groups, tuple(missing), managers.is_cut), told, tells_events=False)


def _path(url: str) -> str:
    """A URL without host and version, so that all its spellings are one."""
    return url.partition("/projects/")[2]


def _group(one: Found, scaler: Found | None, at_ms: int) -> ScalingGroup:
    actions = one.get("currentActions", {})
    policy = (scaler or {}).get("autoscalingPolicy", {})
    details = [str(detail.get("message", "")) for detail in (scaler or {}).get("statusDetails", ())]
    busy = [f"{name}: {count}" for name, count in actions.items() if count and name != "none"]
    return ScalingGroup(
        id=str(one.get("selfLink") or one.get("name", "")),
        name=str(one.get("name", "")),
        region=region_of_item(one),
        desired_count=one.get("targetSize"),
        running_count=actions.get("none"),
        low_count=policy.get("minNumReplicas"),
        high_count=policy.get("maxNumReplicas"),
        unhealthy_count=None,
        at_ms=at_ms,
        source=GROUPS,
        why="; ".join(filter(None, [*details, *busy])),
    )


def _errors(calling: Calling, one: Found, ends: Deadline, since_ms: int) -> list[ScalingEvent]:
    place = "zones" if one.get("zone") else "regions"
    where = tail(str(one.get("zone") or one.get("region") or ""))
    name = str(one.get("name", ""))
    path = f"/compute/v1/projects/{calling.project}/{place}/{where}/instanceGroupManagers/{name}/listErrors"
    read = calling.read(COMPUTE, path, ends, lambda page: page.get("items") or ())
    found = [_error(error, one) for error in read.items]
    return [event for event in found if event.at_ms >= since_ms]


def _error(error: Found, group: Found) -> ScalingEvent:
    at = str(error.get("timestamp", ""))
    told, action = error.get("error", {}), error.get("instanceActionDetails", {})
    what = f"{str(action.get('action', 'action')).lower()} {tail(str(action.get('instance', '')))}".strip()
    text = f"{group.get('selfLink', '')}|{at}|{what}|{told.get('code', '')}"
    return ScalingEvent(
        id=hashlib.blake2b(text.encode(), digest_size=12).hexdigest(),
        group=str(group.get("name", "")),
        region=region_of_item(group),
        at_ms=moment_ms(at),
        outcome=ScalingOutcome.FAILED,
        what=what,
        source=ERRORS,
        why=": ".join(filter(None, (str(told.get("code", "")), str(told.get("message", ""))))),
    )


def moment_ms(text: str) -> int:
    """RFC 3339 as Unix milliseconds; 0 for what is none.

    >>> moment_ms("2026-05-04T10:11:12.345Z"), moment_ms("")
    (1777889472345, 0)
    """
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1000)
    except ValueError:
        return 0
