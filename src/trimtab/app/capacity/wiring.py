"""Dates of full resources of a server, from its parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from trimtab.app.capacity.asking import Asking
from trimtab.app.capacity.keeper import Capacity
from trimtab.app.capacity.own_disk import OwnDisk
from trimtab.app.capacity.workload import Workloads

if TYPE_CHECKING:
    from trimtab.app.service import Service

MIB = 1024.0 * 1024.0


def capacity_of(service: Service) -> Capacity:
    """Parts that are made later are asked for when they are needed."""
    budget = OwnDisk(service.telemetry, service.config.retention.disk_mb * MIB)

    def asking(cancelled: Callable[[], bool]) -> Asking:
        return Asking(service.querying, budget, cancelled)

    def texts(system: str) -> dict[str, str]:
        return {shape.fingerprint: shape.text for shape in service.telemetry.shapes(system)}

    return Capacity(
        lambda: service.config.capacity,
        service.state.database,
        asking,
        Workloads(service.telemetry, texts, {}),
        lambda: [known.name for known in service.state.systems()],
        service.now_ms,
        service.events.publish,
    )
