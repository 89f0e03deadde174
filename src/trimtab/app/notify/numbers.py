"""What trimtab counts of telling people, as numbers of its own. Cheap: asked every ten seconds."""

from __future__ import annotations

from collections.abc import Iterator

from trimtab.app.notify.notify import Notify
from trimtab.app.own.metrics import Number

OUTCOMES = ("delivered", "confirmed", "lost")


def notify_numbers(notify: Notify) -> Iterator[Number]:
    """Alerts by state, notifications by receiver, and whether anybody can rely on them."""
    status = notify.status()
    yield Number("trimtab_alerts", status.firing_count, {"state": "firing"})
    yield Number("trimtab_alerts", status.pending_count, {"state": "pending"})
    yield Number("trimtab_alerts_not_evaluated", int(status.not_evaluated is not None))
    for one in status.receivers:
        counts = (one.delivered_count, one.confirmed_count, one.lost_count)
        for outcome, count in zip(OUTCOMES, counts, strict=True):
            yield Number("trimtab_notifications_total", count, {"receiver": one.name, "outcome": outcome})
        yield Number("trimtab_notification_failures_total", one.failures_count, {"receiver": one.name})
        yield Number("trimtab_notifications_waiting", one.waiting_count, {"receiver": one.name})
    for other in status.alertmanagers:
        counts = (other.delivered_count, other.confirmed_count, other.lost_count)
        for outcome, count in zip(OUTCOMES, counts, strict=True):
            yield Number("trimtab_alertmanager_alerts_total", count, {"alertmanager": other.name, "outcome": outcome})
        yield Number("trimtab_alertmanager_alerts_waiting", other.waiting_count, {"alertmanager": other.name})
        yield Number("trimtab_alertmanager_up", int(other.problem is None), {"alertmanager": other.name})
