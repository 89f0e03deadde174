"""Alerts for the servers that browsers look at: some fire, some are silenced, many have ended; one receiver is told,
another one cannot be."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx2

from tests.hooks import running_hook
from trimtab.app.notify.matching import matchers_of
from trimtab.model.alerts import Alert, AlertState, labels_of
from trimtab.model.silences import Silence
from trimtab.store.alert_history import AlertHistory
from trimtab.store.silences import SilenceBook
from trimtab.store.state import State
from trimtab.store.state_database import STATE_FILE
from trimtab.store.triggered_alerts import Triggered, TriggeredAlerts

MINUTE_MS = 60_000
DAY_MS = 86_400_000
ROUTES = """
route:
  receiver: morning
  group_by: [alertname, service]
  group_wait: 0s
  routes:
  - matchers: [severity=~"page|critical"]
    receiver: night
inhibit_rules:
- source_matchers: [severity="page"]
  target_matchers: [severity="ticket"]
  equal: [service]
receivers:
- name: night
  webhook_configs: [{url_file: hook-address}]
- name: morning
  slack_configs: [{api_url: "${TRIMTAB_TEST_NO_SLACK}", channel: "#shop"}]
"""
NOW = (
    (
        {"alertname": "CheckoutBudgetBurn", "severity": "page", "service": "checkout", "slo": "checkout-latency"},
        "The error budget of checkout-latency burns 16 times too fast: it is gone in 43 hours.",
    ),
    (
        {"alertname": "CheckoutBudgetBurn", "severity": "ticket", "service": "checkout", "slo": "checkout-latency"},
        "The error budget of checkout-latency burns 3 times too fast.",
    ),
    (
        {
            "alertname": "DiskFillsUp",
            "severity": "warning",
            "service": "warehouse",
            "instance": "db2:9100",
            "disk": "/",
        },
        "The disk / of db2 is full in 3 days at this rate.",
    ),
    ({"alertname": "NightlyExport", "severity": "info", "service": "export"}, "The export ended with 12 rows refused."),
)


def fill_alerts(data_dir: Path) -> None:
    """Into the state of a server that does not run."""
    now_ms = time.time_ns() // 1_000_000
    with State.open(data_dir / STATE_FILE) as state:
        triggered, history = TriggeredAlerts(state.database), AlertHistory(state.database)
        for labels, summary in NOW:
            notes = labels_of({"summary": summary, "runbook_url": "https://wiki.example/runbooks/checkout"})
            triggered.put(Triggered(labels_of(labels), notes, 1.0, "ci", now_ms, now_ms + DAY_MS))
        for number in range(120):
            labels, summary = NOW[number % len(NOW)]
            began_ms = now_ms - DAY_MS * 6 + number * 70 * MINUTE_MS
            fired = Alert(
                labels_of({**labels, "zone": f"z{number % 3}"}),
                labels_of({"summary": summary}),
                AlertState.FIRING,
                0.9,
                f"rule:shop/{labels['alertname']}",
                began_ms,
                fired_at_ms=began_ms,
            )
            history.fired("rules", fired)
            end_ms = began_ms + (number % 7 + 1) * 9 * MINUTE_MS
            history.resolved("rules", replace(fired, state=AlertState.RESOLVED, resolved_at_ms=end_ms))
        silences = SilenceBook(state.database)
        for text, until_ms, by, why in (
            ('alertname="DiskFillsUp", instance="db2:9100"', 2 * 60 * MINUTE_MS, "anna", "New disk comes at noon."),
            ('service=~"test-.*"', 6 * DAY_MS, "ben", "Load test of the week."),
            ('alertname="NightlyExport"', -30 * MINUTE_MS, "anna", "Known, see the ticket."),
        ):
            begin_ms = now_ms - 60 * MINUTE_MS
            silences.add(Silence("", matchers_of(text), begin_ms, now_ms + until_ms, by, why))


@contextlib.contextmanager
def told(data_dir: Path) -> Iterator[str]:
    """The lines of a configuration that tell a hook, and somebody who cannot be told."""
    with running_hook() as hook:
        data_dir.parent.mkdir(parents=True, exist_ok=True)
        (data_dir.parent / "hook-address").write_text(hook.url)
        (data_dir.parent / "notify.yml").write_text(ROUTES)
        yield '[notify]\nroutes = "notify.yml"\n'


def wait_for_alerts(url: str) -> None:
    """Until they fire, and somebody was told."""
    give_up_at = time.monotonic() + 120
    while True:
        firing = httpx2.get(f"{url}/api/trimtab/alerts", timeout=60).json()
        status = httpx2.get(f"{url}/api/trimtab/alerts/delivery", timeout=60).json()
        counts = {one["name"]: one["delivered_count"] for one in status["receivers"]}
        if len(firing) >= len(NOW) and counts.get("night/webhook"):
            return
        assert time.monotonic() < give_up_at, (len(firing), counts)
        time.sleep(0.2)
