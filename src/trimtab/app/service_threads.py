"""What of a server has threads of its own: begun in this order, ended in the opposite one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from trimtab.app.service import Service


class HasThreads(Protocol):
    """What can be begun once, and ended once."""

    def start(self) -> object:
        """Begin; does not wait."""

    def stop(self) -> object:
        """End, and wait for it."""


def threads_of(service: Service) -> tuple[HasThreads, ...]:
    """Whoever tells others ends after them: what is found until the last moment is still told and kept."""
    return (
        service.own,
        service.scrapes,
        service.watched_series,
        service.infrastructure,
        service.clouds,
        service.notify,
        service.alerting,
        service.objectives,
        service.business,
        service.forecasts,
        service.change_points,
        service.patterns,
        service.capacity,
        service.anomalies,
        service.grafana,
    )
