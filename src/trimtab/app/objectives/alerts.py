"""Burn-rate rules as a source of alerts: one alert for each objective and severity, whichever of its rules fire.

It asks nothing: the last round of counting says what burns. Where that round is old (nothing could be counted), nobody
knows, and alerts stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from urllib.parse import quote

from trimtab.analyze.slo.budget import Burn
from trimtab.analyze.slo.quantities import duration_text
from trimtab.app.alerting.contract import Active
from trimtab.app.objectives.board import SILENT_MS, ObjectiveNow
from trimtab.app.objectives.keeper import Standing
from trimtab.model.alerts import labels_of
from trimtab.model.errors import StoreError

ALERT_NAME = "ErrorBudgetBurn"
SILENT_NAME, SILENT_SEVERITY = "ObjectiveNotMeasured", "ticket"
EVERY_MS = 15_000
OLD_MS = 300_000
"""A round that is older than this says nothing about now."""


class BurnAlerts:
    """`AlertSource`: what burns now."""

    origin = "objectives"
    every_ms = EVERY_MS

    def __init__(self, standing: Callable[[], Standing], url: str) -> None:
        self._standing, self._url = standing, url.rstrip("/")

    def evaluate(self, at_ms: int) -> Sequence[Active]:
        """See `AlertSource.evaluate`."""
        standing = self._standing()
        if standing.objectives and abs(at_ms - standing.at_ms) > OLD_MS:
            told = standing.error or "the last round of counting is old"
            raise StoreError(
                f"objectives were not counted since {standing.at_ms} ms: {told}", counted_to_ms=standing.at_ms
            )
        return [active for one in standing.objectives.values() for active in self._of(one)]

    def _of(self, now: ObjectiveNow) -> Iterator[Active]:
        by_severity: dict[str, list[Burn]] = {}
        for burn in now.burns:
            if burn.fires:
                by_severity.setdefault(burn.rule.severity, []).append(burn)
        for severity, burns in by_severity.items():
            yield self._active(now, severity, burns)
        if now.is_silent and now.burns:
            yield self._silent(now)

    def _silent(self, now: ObjectiveNow) -> Active:
        one, silent = now.objective, duration_text(SILENT_MS)
        summary = f"{one.title} is not measured: nothing was counted for {silent}, and burn rules cannot fire"
        return Active(
            labels=labels_of({**self._labels(now, SILENT_SEVERITY), "alertname": SILENT_NAME}),
            annotations=labels_of({"summary": summary, **dict(one.annotations)}),
            value=now.budget.counts.coverage_ratio,
            source=f"objective:{one.name}",
            generator_url=self._address(now),
        )

    def _address(self, now: ObjectiveNow) -> str:
        return f"{self._url}/objectives/{quote(now.objective.name, safe='')}"

    def _labels(self, now: ObjectiveNow, severity: str) -> dict[str, str]:
        one = now.objective
        told = {"objective": one.name, "service": one.service, "system": one.system, "severity": severity}
        return told | dict(one.labels)

    def _active(self, now: ObjectiveNow, severity: str, burns: Sequence[Burn]) -> Active:
        one, budget = now.objective, now.budget
        worst = max(burns, key=lambda burn: burn.long_rate or 0.0)
        labels = {"alertname": one.alert_name or ALERT_NAME, **self._labels(now, severity)}
        annotations = {"summary": _summary(now, worst), "description": _description(now, burns)}
        annotations |= dict(one.annotations)
        for burn in burns:
            labels |= dict(burn.rule.labels)
            annotations |= dict(burn.rule.annotations)
        if budget.left_ratio is not None:
            annotations.setdefault("budget_left", f"{budget.left_ratio:.2%}")
        return Active(
            labels=labels_of(labels),
            annotations=labels_of(annotations),
            value=worst.long_rate or 0.0,
            source=f"objective:{one.name}",
            for_ms=min(burn.rule.for_ms for burn in burns),
            generator_url=self._address(now),
        )


def _summary(now: ObjectiveNow, burn: Burn) -> str:
    return (
        f"{now.objective.title} burns its error budget {burn.long_rate or 0.0:.1f} times as fast as allowed "
        f"(over {duration_text(burn.rule.long_ms)})"
    )


def _description(now: ObjectiveNow, burns: Sequence[Burn]) -> str:
    rules = "; ".join(
        f"rule {burn.rule.name}: {burn.long_rate or 0.0:.1f} over {duration_text(burn.rule.long_ms)} and "
        f"{burn.short_rate or 0.0:.1f} over {duration_text(burn.rule.short_ms)}, limit {burn.rule.factor:g}"
        for burn in burns
    )
    left = now.budget.left_ratio
    told = "" if left is None else f" {left:.1%} of the budget is left."
    return f"Target {now.objective.target:.5g}.{told} {rules}."
