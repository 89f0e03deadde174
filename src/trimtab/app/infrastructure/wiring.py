"""Hosts and containers of a server, from its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trimtab.app.events import EventKind
from trimtab.app.infrastructure.infrastructure import Infrastructure

if TYPE_CHECKING:
    from trimtab.app.service import Service


def infrastructure_of(service: Service) -> Infrastructure:
    """Each look is an event."""
    return Infrastructure(
        lambda: service.config,
        lambda: getattr(service.telemetry, "metrics", None),
        service.now_ms,
        lambda at_ms: service.events.publish(EventKind.INFRASTRUCTURE, {"at_ms": at_ms}),
    )
