"""Which parts of a server tell numbers of trimtab's own: what `GET /metrics` and the page of its health show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trimtab.app.notify.numbers import notify_numbers
from trimtab.app.objectives.telling import objective_numbers
from trimtab.app.own.metrics import Number
from trimtab.app.own.numbers import (
    forwarding_numbers,
    ingest_numbers,
    log_numbers,
    loop_numbers,
    metric_numbers,
    store_numbers,
    watch_numbers,
)
from trimtab.extend.contracts import Clock

if TYPE_CHECKING:
    from trimtab.app.service import Service


def tell_numbers(service: Service, clock: Clock) -> None:
    """Each part is asked whenever somebody wants to know."""
    telemetry, tell = service.telemetry, service.own.metrics.add_source
    tell(lambda: loop_numbers(service.state))
    tell(lambda: forwarding_numbers(service.sources.listed))
    tell(lambda: objective_numbers(service.objectives.standing, service.now_ms()))
    tell(lambda: store_numbers(telemetry, clock))
    tell(lambda: log_numbers(telemetry, lambda: service.logs.tails_count))
    tell(lambda: ingest_numbers(service.metrics_in))
    tell(lambda: metric_numbers(getattr(telemetry, "metrics", None)))
    tell(lambda: notify_numbers(service.notify))
    tell(service.alerting.numbers)
    tell(service.anomalies.numbers)
    for part in (service.forecasts, service.change_points, service.patterns, service.capacity):
        tell(part.numbers)
    tell(service.infrastructure.numbers)
    tell(service.clouds.numbers)
    tell(lambda: watch_numbers(service.watch_statuses, clock))
    tell(lambda: [Number("trimtab_event_streams", service.events.subscribers_count)])
