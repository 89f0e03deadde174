"""Scale sets with their autoscale settings, and the changes that autoscale made, from the activity log."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime

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
from trimtab.integrations.azure.calling import Calling, Found, key_of, region_of

SETS_VERSION, SETTINGS_VERSION, LOG_VERSION = "2024-07-01", "2022-10-01", "2015-04-01"
GROUPS = "Compute virtualMachineScaleSets with instanceView, Monitor autoscaleSettings"
EVENTS = "Monitor activity log, autoscale"
VIEWS_MAX = 100
"""So many scale sets are asked how their machines are."""
_OUTCOMES = {
    "Succeeded": ScalingOutcome.DONE,
    "Failed": ScalingOutcome.FAILED,
    "Canceled": ScalingOutcome.CANCELLED,
}


def scaling(calling: Calling, ends: Deadline, since_ms: int) -> Scaling:
    """Groups, and what changed them since a moment."""
    at_ms = time.time_ns() // 1_000_000
    sets = calling.read(calling.of_subscription("Microsoft.Compute/virtualMachineScaleSets"), SETS_VERSION, ends)
    missing = list(sets.missing)
    settings: Mapping[str, Found] = {}
    try:
        read = calling.read(calling.of_subscription("Microsoft.Insights/autoscalesettings"), SETTINGS_VERSION, ends)
        settings = {key_of(str(one.get("properties", {}).get("targetResourceUri", ""))): one for one in read.items}
        missing += read.missing
    except CloudError as error:
        missing.append(Missing("", "autoscale settings", error.message, error.trouble))
    here = calling.here(sets.items)
    groups = tuple(
        _group(one, settings.get(key_of(str(one.get("id", "")))), _view(calling, one, number, ends, missing), at_ms)
        for number, one in enumerate(here)
    )
    return Scaling(Seen(groups, tuple(missing), sets.is_cut), _events(calling, ends, since_ms, here))


def _view(
    calling: Calling, one: Found, number: int, ends: Deadline, missing: list[Missing]
) -> Mapping[str, int] | None:
    """How many machines of a scale set have which status; None where it was not read."""
    if number >= VIEWS_MAX:
        return None
    try:
        found = calling.get(f"{one['id']}/instanceView", SETS_VERSION, ends)
    except CloudError as error:
        missing.append(Missing(region_of(one), f"machines of {one.get('name', '')}", error.message, error.trouble))
        return None
    summary = found.get("virtualMachine", {}).get("statusesSummary") or ()
    return {str(status.get("code", "")): int(status.get("count", 0)) for status in summary}


def _group(one: Found, setting: Found | None, view: Mapping[str, int] | None, at_ms: int) -> ScalingGroup:
    profiles = (setting or {}).get("properties", {}).get("profiles") or ()
    capacity = profiles[0].get("capacity", {}) if profiles else {}
    is_off = setting is not None and setting.get("properties", {}).get("enabled") is False
    unhealthy = None if view is None else view.get("HealthState/unhealthy", view.get("ProvisioningState/failed", 0))
    return ScalingGroup(
        id=str(one.get("id", "")),
        name=str(one.get("name", "")),
        region=region_of(one),
        desired_count=_whole(one.get("sku", {}).get("capacity")),
        running_count=None if view is None else view.get("ProvisioningState/succeeded", 0),
        low_count=_whole(capacity.get("minimum")),
        high_count=_whole(capacity.get("maximum")),
        unhealthy_count=unhealthy,
        at_ms=at_ms,
        source=GROUPS,
        why="autoscale is switched off" if is_off else "",
    )


def _events(calling: Calling, ends: Deadline, since_ms: int, groups: list[Found]) -> Seen[ScalingEvent]:
    since = datetime.fromtimestamp(since_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    chosen = f"eventTimestamp ge '{since}' and resourceProvider eq 'Microsoft.Insights'"
    path = calling.of_subscription("Microsoft.Insights/eventtypes/management/values")
    try:
        read = calling.read(path, LOG_VERSION, ends, _filter=chosen)
    except CloudError as error:
        return Seen(missing=(Missing("", "scaling events", error.message, error.trouble),))
    regions = {key_of(str(one.get("id", ""))): region_of(one) for one in groups}
    found = [_event(one, regions) for one in read.items if _is_of_autoscale(one)]
    kept = [event for event in found if event is not None]
    return Seen(tuple(sorted(kept, key=lambda event: -event.at_ms)), read.missing, read.is_cut)


def _is_of_autoscale(one: Found) -> bool:
    return str(one.get("category", {}).get("value", "")).lower() == "autoscale"


def _event(one: Found, regions: Mapping[str, str]) -> ScalingEvent | None:
    """A result of a scale action; None for what autoscale says beside it (that it begins, that a flag was set)."""
    operation = str(one.get("operationName", {}).get("value", ""))
    if "result" not in operation.lower():
        return None
    told = one.get("properties") or {}
    target = str(told.get("ResourceName") or one.get("resourceId", ""))
    status = str(one.get("status", {}).get("value", ""))
    return ScalingEvent(
        id=str(one.get("eventDataId") or one.get("id", "")),
        group=target.rstrip("/").rpartition("/")[2],
        region=regions.get(key_of(target), ""),
        at_ms=moment_ms(str(one.get("eventTimestamp", ""))),
        outcome=_OUTCOMES.get(status, ScalingOutcome.RUNNING),
        what=str(one.get("operationName", {}).get("localizedValue") or operation),
        source=EVENTS,
        why=str(one.get("description") or told.get("Description") or ""),
        before_count=_whole(told.get("OldInstancesCount")),
        after_count=_whole(told.get("NewInstancesCount")),
    )


def _whole(value: object) -> int | None:
    """A number, as a number or as text; None where it is none."""
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() else None


def moment_ms(text: str) -> int:
    """A moment as Azure writes it, with up to seven digits behind the second, as Unix milliseconds; 0 for none.

    >>> moment_ms("2026-05-04T10:11:12.3456789Z"), moment_ms("")
    (1777889472345, 0)
    """
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1000)
    except ValueError:
        return 0
