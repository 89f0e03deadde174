"""Alerts in a state, as the machine of alerts writes them, for the pages that show them."""

from __future__ import annotations

from dataclasses import replace

from tests.web.stories import HOSTILE
from trimtab.app.service import Service
from trimtab.model.alerts import Alert, AlertState, labels_of
from trimtab.model.silences import Matcher
from trimtab.store.alerts import AlertBook, Standing

RULE = "rule:shop/"


def alert(name: str, at_ms: int, *, summary: str = "", runbook: str = "", url: str = "", **labels: str) -> Alert:
    """One that fires since then."""
    annotations = {"summary": summary or f"{name} is wrong", "runbook_url": runbook}
    return Alert(
        labels_of({"alertname": name, "job": "shop", **labels}),
        labels_of(annotations),
        AlertState.FIRING,
        0.812,
        f"{RULE}{name}",
        at_ms,
        fired_at_ms=at_ms,
        generator_url=url or "http://127.0.0.1:9321/explore?q=up",
    )


def hostile_alert(at_ms: int) -> Alert:
    """One of which every text would break a page that does not escape."""
    return alert(
        HOSTILE,
        at_ms,
        summary=HOSTILE,
        runbook=f"javascript:{HOSTILE}",
        url=f"javascript:{HOSTILE}",
        job=HOSTILE,
        severity=HOSTILE,
    )


def labels(one: Alert) -> tuple[Matcher, ...]:
    """Matchers that mean exactly this alert."""
    return tuple(Matcher(name, value) for name, value in one.labels)


def write(service: Service, *alerts: Alert, at_ms: int | None = None, evaluated: bool = True) -> None:
    """Alerts that changed; an alert that has ended is told and gone."""
    now_ms = service.now_ms() if at_ms is None else at_ms
    book = AlertBook(service.state.database)
    gone = [("rules", one.fingerprint) for one in alerts if one.state is AlertState.RESOLVED]
    put = [Standing("rules", one, 0) for one in alerts if one.state is not AlertState.RESOLVED]
    book.write(now_ms, put, gone, [("rules", one) for one in alerts], ("rules", "deadman") if evaluated else ())
    service.notify.take_now()


def ended(one: Alert, at_ms: int) -> Alert:
    """The same, ended then."""
    return replace(one, state=AlertState.RESOLVED, resolved_at_ms=at_ms)


def pending(one: Alert) -> Alert:
    """The same, not for long enough yet."""
    return replace(one, state=AlertState.PENDING, fired_at_ms=None)


def clear(service: Service) -> None:
    """Nothing fires, nothing fired, nothing is silenced, and nothing was ever evaluated."""
    tables = ("alerts", "alert_outbox", "alert_origins", "alert_history", "silences", "triggered_alerts")
    with service.state.database.transaction() as db:
        for table in tables:
            db.execute(f"DELETE FROM {table}")
        db.execute("DELETE FROM sqlite_sequence WHERE name = 'alert_history'")
