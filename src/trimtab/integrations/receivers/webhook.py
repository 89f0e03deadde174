"""Alertmanager's webhook: the body that programs which listen to Alertmanager expect (version 4)."""

from __future__ import annotations

import json

from trimtab.extend.receivers import Kind, Notification, Receipt, Setup
from trimtab.integrations.receivers.posting import Poster
from trimtab.integrations.receivers.texts import rfc3339
from trimtab.model.alerts import Alert, AlertState


class Webhook:
    """Posts JSON. That it was answered with 2xx is all that such a receiver says: delivered, not confirmed."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._poster = Poster(setup.timeout_s, setup.pairs("tls_config").get("ca_file", ""))

    def send(self, notification: Notification) -> Receipt:
        """See `Receiver.send`."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": notification.id}
        credentials = self._setup.secret("credentials")
        if credentials:
            headers["Authorization"] = f"Bearer {credentials}"
        body = json.dumps(body_of(notification, self._setup.whole("max_alerts"))).encode()
        answer = self._poster.post(self._setup.secret("url"), body, headers)
        return Receipt(is_confirmed=False, note=f"answered {answer.status_code}")

    def close(self) -> None:
        """See `Receiver.close`."""
        self._poster.close()


def body_of(notification: Notification, alerts_max: int = 0) -> dict[str, object]:
    """The document; with `alerts_max` some alerts are left out, and counted."""
    alerts = notification.alerts[: alerts_max or None]
    return {
        "version": "4",
        "groupKey": notification.group_key,
        "truncatedAlerts": len(notification.alerts) - len(alerts),
        "status": notification.status,
        "receiver": notification.receiver,
        "groupLabels": dict(notification.group_labels),
        "commonLabels": dict(notification.common_labels),
        "commonAnnotations": dict(notification.common_annotations),
        "externalURL": notification.page_url,
        "alerts": [_alert(alert) for alert in alerts],
    }


def _alert(alert: Alert) -> dict[str, object]:
    is_firing = alert.state is AlertState.FIRING
    return {
        "status": "firing" if is_firing else "resolved",
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "startsAt": rfc3339(alert.fired_at_ms or alert.active_at_ms),
        "endsAt": rfc3339(None if is_firing else alert.resolved_at_ms),
        "generatorURL": alert.generator_url,
        "fingerprint": alert.fingerprint,
    }


WEBHOOK = Kind(
    Webhook,
    numbers=frozenset({"max_alerts"}),
    maps=frozenset({"tls_config"}),
    secrets=frozenset({"url", "credentials"}),
    needed=(("url",),),
)
