"""Rules and alerts of a server, from its parts: whoever has alerts of their own tells them here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trimtab.app.alerting.alerting import Alerting
from trimtab.app.capacity.alerts import CapacityAlerts
from trimtab.app.detecting.alerts import AnomalyAlerts
from trimtab.app.forecasting.alerts import ForecastAlerts
from trimtab.app.objectives.alerts import BurnAlerts

if TYPE_CHECKING:
    from trimtab.app.service import Service


def alerting_of(service: Service, rules_kept: Path) -> Alerting:
    """`rules_kept`: where the rules in force are kept."""
    return Alerting(
        service.config.rules,
        service.querying,
        lambda: service.upstream,
        service.state.database,
        service.url,
        service.notify,
        (
            *service.notify.sources,
            BurnAlerts(lambda: service.objectives.standing, service.url),
            AnomalyAlerts(lambda: service.anomalies.now, lambda: service.config.anomalies, service.url),
            ForecastAlerts(lambda: service.forecasts.now, lambda: service.config.forecast, service.url),
            CapacityAlerts(lambda: service.capacity.now, lambda: service.config.capacity, service.url),
        ),
        rules_kept,
        service.packs.rule_files,
    )
