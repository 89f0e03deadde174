"""PagerDuty's Events API, version 2: one incident for each group, known by its `dedup_key`."""

from __future__ import annotations

import hashlib
import json

from trimtab.extend.receivers import Kind, Notification, Receipt, ReceiverError, Setup
from trimtab.integrations.receivers.posting import Poster, object_of
from trimtab.integrations.receivers.texts import lines_of, rfc3339, severity_of, summary_of, title_of

ENQUEUE = "https://events.pagerduty.com/v2/enqueue"
SUMMARY_CHARS_MAX = 1024
DETAIL_CHARS_MAX = 8000
SEVERITIES = {
    "page": "critical",
    "critical": "critical",
    "error": "error",
    "ticket": "warning",
    "warning": "warning",
    "info": "info",
    "none": "info",
}


class PagerDuty:
    """The same event twice is one incident there: a second try does no harm."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._poster = Poster(setup.timeout_s, setup.pairs("tls_config").get("ca_file", ""))

    def send(self, notification: Notification) -> Receipt:
        """See `Receiver.send`."""
        body = body_of(notification, self._setup.secret("routing_key"), self._setup.text("severity"))
        url = self._setup.text("url", ENQUEUE)
        answer = self._poster.post(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
        if object_of(answer).get("status") != "success":
            raise ReceiverError("PagerDuty did not answer 'success'")
        return Receipt(is_confirmed=True, note="PagerDuty has the event")

    def close(self) -> None:
        """See `Receiver.close`."""
        self._poster.close()


def body_of(notification: Notification, routing_key: str, severity: str = "") -> dict[str, object]:
    """The event."""
    made: dict[str, object] = {
        "routing_key": routing_key,
        "event_action": "trigger" if notification.firing else "resolve",
        "dedup_key": dedup_key(notification),
    }
    if not notification.firing:
        return made
    first = notification.firing[0]
    labels = dict(notification.common_labels)
    summary = f"{title_of(notification)}: {summary_of(first)}"
    return {
        **made,
        "client": "trimtab",
        "client_url": notification.page_url,
        "payload": {
            "summary": summary[:SUMMARY_CHARS_MAX],
            "source": labels.get("instance") or labels.get("system") or labels.get("service") or "trimtab",
            "severity": SEVERITIES.get(severity or severity_of(notification), "critical"),
            "timestamp": rfc3339(first.fired_at_ms or first.active_at_ms),
            "component": labels.get("job", ""),
            "group": " ".join(value for _, value in notification.group_labels),
            "class": first.name,
            "custom_details": {
                "firing": "\n".join(lines_of(notification))[:DETAIL_CHARS_MAX],
                "num_firing": len(notification.firing),
                "num_resolved": len(notification.resolved),
            },
        },
    }


def dedup_key(notification: Notification) -> str:
    """Of the group: the same for all that is told of it, also after a restart."""
    return hashlib.sha256(f"{notification.receiver}\x00{notification.group_key}".encode()).hexdigest()


PAGERDUTY = Kind(
    PagerDuty,
    texts=frozenset({"url", "severity"}),
    maps=frozenset({"tls_config"}),
    secrets=frozenset({"routing_key"}),
    needed=(("routing_key",),),
)
