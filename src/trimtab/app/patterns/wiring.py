"""Patterns of a server, from its parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from trimtab.app.events import EventKind
from trimtab.app.forecasting.asking import Asking
from trimtab.app.patterns.keeper import Patterns

if TYPE_CHECKING:
    from trimtab.app.service import Service


def patterns_of_service(service: Service) -> Patterns:
    """Parts that are made later are asked for when they are needed."""

    def asking(cancelled: Callable[[], bool]) -> Asking:
        return Asking(service.querying, lambda: service.read, service.packs, lambda: (), lambda: (), cancelled)

    def publish(at_ms: int) -> None:
        service.events.publish(EventKind.PATTERNS, {"at_ms": at_ms})

    return Patterns(lambda: service.config.patterns, service.state, asking, service.now_ms, publish)
