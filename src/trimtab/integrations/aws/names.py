"""What AWS's words mean: health of checks, states of targets and databases, outcomes of scaling."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from trimtab.extend.clouds import Health, ScalingOutcome

INSTANCE_CHECKS = {
    "ok": Health.HEALTHY,
    "passed": Health.HEALTHY,
    "impaired": Health.UNHEALTHY,
    "failed": Health.UNHEALTHY,
    "initializing": Health.STARTING,
    "insufficient-data": Health.UNKNOWN,
    "not-applicable": Health.IDLE,
}
TARGETS = {
    "healthy": Health.HEALTHY,
    "unhealthy": Health.UNHEALTHY,
    "unhealthy.draining": Health.UNHEALTHY,
    "initial": Health.STARTING,
    "draining": Health.LEAVING,
    "unused": Health.IDLE,
    "unavailable": Health.UNKNOWN,
}
OUTCOMES = {
    "Successful": ScalingOutcome.DONE,
    "Failed": ScalingOutcome.FAILED,
    "Cancelled": ScalingOutcome.CANCELLED,
}
"""Every other status of an activity is on its way."""
DATABASES_GOOD = frozenset({"available", "backing-up", "storage-optimization", "configuring-enhanced-monitoring"})
DATABASES_STARTING = frozenset(
    {"creating", "starting", "rebooting", "modifying", "upgrading", "maintenance", "renaming"}
)
DATABASES_IDLE = frozenset({"stopped", "stopping", "deleting"})
WORST_FIRST = (Health.UNHEALTHY, Health.STARTING, Health.UNKNOWN, Health.IDLE, Health.LEAVING, Health.HEALTHY)


def worst(found: Iterable[Health]) -> Health:
    """The worst of several checks; unknown where there is none.

    >>> worst([Health.HEALTHY, Health.UNHEALTHY]).value, worst([]).value
    ('unhealthy', 'unknown')
    """
    given = set(found)
    return next((health for health in WORST_FIRST if health in given), Health.UNKNOWN)


def database_health(state: str) -> Health:
    """What the state of a database says of its health.

    >>> database_health("available").value, database_health("storage-full").value
    ('healthy', 'unhealthy')
    """
    if state in DATABASES_GOOD:
        return Health.HEALTHY
    if state in DATABASES_STARTING or state.startswith("configuring"):
        return Health.STARTING
    return Health.IDLE if state in DATABASES_IDLE else Health.UNHEALTHY


def name_of(tags: Iterable[Mapping[str, str]]) -> str:
    """The tag Name.

    >>> name_of([{"Key": "Name", "Value": "db1"}])
    'db1'
    """
    return next((str(tag.get("Value", "")) for tag in tags if tag.get("Key") == "Name"), "")


def ms_of(moment: Any) -> int:
    """A moment as boto has it, as Unix milliseconds; 0 where there is none."""
    return int(moment.timestamp() * 1000) if isinstance(moment, datetime) else 0
