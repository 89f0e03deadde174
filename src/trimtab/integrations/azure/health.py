"""Azure Resource Health: whether what Azure runs is available, by resource."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.extend.clouds import CloudError, Deadline, Health, Missing
from trimtab.integrations.azure.calling import Calling, key_of

VERSION = "2020-05-01"
SOURCE = "Resource Health availabilityStatuses"
_PART = "/providers/microsoft.resourcehealth/"
_HEALTH = {
    "Available": Health.HEALTHY,
    "Unavailable": Health.UNHEALTHY,
    "Degraded": Health.UNHEALTHY,
}


@dataclass(frozen=True, slots=True)
class Availability:
    """Of all resources of a subscription; `missing` where it was not read."""

    known: dict[str, tuple[Health, str]]
    missing: tuple[Missing, ...] = ()

    def of(self, identity: str) -> tuple[Health, str]:
        """Of one resource, with what Azure says where it is not well."""
        told = "Resource Health was not read" if self.missing else "Resource Health does not tell of it"
        return self.known.get(key_of(identity), (Health.UNKNOWN, told))


def availability(calling: Calling, ends: Deadline) -> Availability:
    """Of all resources."""
    path = calling.of_subscription("Microsoft.ResourceHealth/availabilityStatuses")
    try:
        read = calling.read(path, VERSION, ends)
    except CloudError as error:
        return Availability({}, (Missing("", "Resource Health", error.message, error.trouble),))
    known: dict[str, tuple[Health, str]] = {}
    for one in read.items:
        told = one.get("properties", {})
        health = _HEALTH.get(str(told.get("availabilityState", "")), Health.UNKNOWN)
        why = "" if health is Health.HEALTHY else str(told.get("summary") or told.get("title") or "")
        known[key_of(str(one.get("id", "")).lower().partition(_PART)[0])] = (health, why)
    return Availability(known, read.missing)
