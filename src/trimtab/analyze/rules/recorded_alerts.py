"""The series that alerts leave behind: `ALERTS{alertstate=…}` and `ALERTS_FOR_STATE`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from trimtab.analyze.rules.results import with_labels
from trimtab.model.alerts import AlertState, Labels
from trimtab.store.alerts import Standing
from trimtab.store.metrics.block import METRIC_NAME

ALERTS, FOR_STATE, STATE = "ALERTS", "ALERTS_FOR_STATE", "alertstate"


def series_of_alerts(standing: Iterable[Standing]) -> Iterator[tuple[Labels, float]]:
    """Two samples for each alert that is pending or firing: 1, and since when it is active (whole seconds)."""
    for one in standing:
        state = one.alert.state
        if state in (AlertState.PENDING, AlertState.FIRING):
            labels = one.alert.labels
            yield with_labels(labels, {METRIC_NAME: ALERTS, STATE: state.value}), 1.0
            yield with_labels(labels, {METRIC_NAME: FOR_STATE}), float(one.alert.active_at_ms // 1000)
