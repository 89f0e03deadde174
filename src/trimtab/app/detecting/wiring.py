"""Anomalies of a server, from its parts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trimtab.app.detecting.keeper import FILE, Anomalies
from trimtab.store.anomaly_state import AnomalyState

if TYPE_CHECKING:
    from trimtab.app.service import Service


def anomalies_of(service: Service, folder: Path) -> Anomalies:
    """`folder`: where the server keeps its files."""
    return Anomalies(
        lambda: service.config.anomalies,
        lambda: getattr(service.telemetry, "metrics", None),
        AnomalyState(service.state.database),
        service.now_ms,
        folder / FILE,
    )
