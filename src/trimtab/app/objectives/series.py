"""Objectives as series of metrics, once a minute, under Sloth's names: dashboards and rules for Sloth find them.

    slo:objective:ratio, slo:error_budget:ratio, slo:time_period:days          what was promised
    slo:current_burn_rate:ratio, slo:period_burn_rate:ratio                    how fast the budget goes
    slo:period_error_budget_remaining:ratio                                    what is left

with the labels `sloth_id`, `sloth_service`, `sloth_slo`. What was not measured has no sample. Names from Sloth's
documentation (sloth.dev, "Generated rules").
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import structlog

from trimtab.app.alerting.recorder import StoreRecorder
from trimtab.model.errors import TrimtabError

if TYPE_CHECKING:
    from trimtab.app.objectives.board import ObjectiveNow
    from trimtab.app.objectives.keeper import Standing
    from trimtab.store.metrics.block import Labels
    from trimtab.store.metrics.contract import MetricStore

DAY_MS = 86_400_000
log = structlog.get_logger()


class ObjectiveSeries:
    """Hears of each round that counted another minute."""

    def __init__(self, metrics: Callable[[], MetricStore]) -> None:
        self._recorder = StoreRecorder(metrics)
        self._at_ms = 0

    def append(self, standing: Standing) -> None:
        """The samples of one round; what cannot be kept is told in the log."""
        if standing.at_ms <= self._at_ms or not standing.objectives:
            return
        self._at_ms = standing.at_ms
        found = [pair for now in standing.objectives.values() for pair in samples_of(now)]
        try:
            self._recorder.record(found, standing.at_ms)
        except TrimtabError as error:
            log.warning("objective_series_not_stored", reason=error.message)


def samples_of(now: ObjectiveNow) -> Iterator[tuple[Labels, float]]:
    """What is known of one objective."""
    one, budget = now.objective, now.budget
    values = {
        "slo:objective:ratio": one.target,
        "slo:error_budget:ratio": one.allowed_bad_ratio,
        "slo:time_period:days": one.window.length_ms / DAY_MS,
        "slo:current_burn_rate:ratio": budget.burn_rate,
        "slo:period_burn_rate:ratio": budget.consumed_ratio,
        "slo:period_error_budget_remaining:ratio": budget.left_ratio,
    }
    service = one.service or one.system
    identity = (("sloth_id", f"{service}-{one.name}" if service else one.name), ("sloth_service", service))
    for name, value in values.items():
        if value is not None:
            pairs = (("__name__", name), *identity, ("sloth_slo", one.name))
            yield tuple(pair for pair in pairs if pair[1]), float(value)
