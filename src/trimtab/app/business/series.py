"""Makes series of everything that is known about business now. Of what is not known nothing is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from trimtab.analyze.cost.forecast import Forecast
from trimtab.app.business.pipelining import PipelineNow
from trimtab.app.business.probing import ProbeNow
from trimtab.app.business.quality import Scored
from trimtab.app.business.satisfying import SatisfactionNow
from trimtab.app.business.spending import CostNow
from trimtab.model.business import JOB
from trimtab.model.probes import ProbeKind

if TYPE_CHECKING:
    from trimtab.store.metrics.block import Labels

PIPELINES_MAX = 1_000
"""So many pipelines have series of their own: those that ran last."""
Sample = tuple["Labels", float]

VALUE_NAMES: Mapping[ProbeKind, str] = {
    ProbeKind.FRESHNESS: "data_freshness_seconds",
    ProbeKind.VOLUME: "data_volume_rows",
    ProbeKind.NULLS: "data_null_ratio",
    ProbeKind.UNIQUE: "data_duplicate_ratio",
    ProbeKind.REFERENCES: "data_orphan_ratio",
    ProbeKind.ACCEPTED: "data_unaccepted_ratio",
    ProbeKind.SQL: "data_probe_value",
}


def sample(name: str, value: float, /, **labels: str) -> Sample:
    """One series with its value; labels that are empty are left out.

    >>> sample("up", 1.0, system="shop", table="")
    ((('__name__', 'up'), ('job', 'business'), ('system', 'shop')), 1.0)
    """
    pairs = {"__name__": name, "job": JOB, **{key: text for key, text in labels.items() if text}}
    return tuple(sorted(pairs.items())), float(value)


def of_probes(probes: Iterable[ProbeNow], now_ms: int) -> Iterator[Sample]:
    """What probes found, as long as it counts; what was measured stays as it was until the next run."""
    for now in probes:
        probe, found = now.probe, now.current(now_ms)
        if found is None:
            continue
        labels = {"system": probe.system, "table": probe.table, "probe": probe.name}
        yield sample("data_probe_up", found.value is not None, **labels)
        if found.duration_ms:
            yield sample("data_probe_duration_seconds", found.duration_ms / 1000, **labels)
        if found.value is None:
            continue
        value = found.value
        unit = probe.unit if probe.kind is ProbeKind.SQL else ""
        yield sample(VALUE_NAMES[probe.kind], value, **labels, unit=unit)
        good = found.is_good(probe)
        if good is not None:
            yield sample("data_probe_good", good, **labels)


def of_rollbacks(counts: Mapping[str, int]) -> Iterator[Sample]:
    """What of a system's `xact_rollback` is ours: with it, an error rate is of those who use the database."""
    for system, count in counts.items():
        yield sample("trimtab_postgres_own_rollbacks_total", count, system=system)


def of_scores(systems: Iterable[Scored], tables: Iterable[Scored]) -> Iterator[Sample]:
    """Scores with their parts."""
    for one in systems:
        yield sample("data_quality_coverage_ratio", one.score.coverage, system=one.system)
        if one.score.score is not None:
            yield sample("data_quality_score", one.score.score, system=one.system)
        for part in one.score.parts:
            if part.score is not None:
                dimension = part.dimension.value
                yield sample("data_quality_dimension_score", part.score, system=one.system, dimension=dimension)
    for one in tables:
        if one.score.score is not None:
            yield sample("data_quality_table_score", one.score.score, system=one.system, table=one.table)


def of_cost(now: CostNow) -> Iterator[Sample]:
    """The month: so far, against its budget, and ahead."""
    if now.prices is None:
        return
    money = now.prices.currency
    for one in now.systems:
        yield sample("processing_cost", one.costs.total, system=one.system, currency=money)
        yield sample("processing_cost_measured_ratio", one.measured_ratio, system=one.system)
    budget = None if now.budget is None else now.budget.month
    if budget is not None:
        yield sample("processing_cost_budget", budget, currency=money)
        yield sample("processing_cost_budget_used_ratio", now.spent / budget, currency=money)
    if isinstance(now.forecast, Forecast):
        yield sample("processing_cost_forecast", now.forecast.middle, currency=money)
        yield sample("processing_cost_forecast_low", now.forecast.low, currency=money)
        yield sample("processing_cost_forecast_high", now.forecast.high, currency=money)
        if budget is not None:
            yield sample("processing_cost_forecast_budget_ratio", now.forecast.middle / budget, currency=money)


def of_satisfaction(sources: Iterable[SatisfactionNow]) -> Iterator[Sample]:
    """Each source, on its own scale and as a share of it."""
    for now in sources:
        if now.value is not None and now.ratio is not None:
            yield sample("user_satisfaction", now.value, name=now.source.name, scale=f"{now.source.scale:g}")
            yield sample("user_satisfaction_ratio", now.ratio, name=now.source.name)


def of_pipelines(pipelines: Iterable[PipelineNow]) -> Iterator[Sample]:
    """Each pipeline, as each source tells of it."""
    for now in sorted(pipelines, key=lambda one: -(one.last_ms or 0))[:PIPELINES_MAX]:
        labels = {"pipeline": now.pipeline, "source": now.source}
        counts = (("success", now.success_count), ("failed", now.failed_count), ("aborted", now.aborted_count))
        for status, count in counts:
            yield sample("pipeline_runs", count, **labels, status=status)
        if now.success_rate is not None:
            yield sample("pipeline_success_rate", now.success_rate, **labels)
        if now.last_duration_ms is not None:
            yield sample("pipeline_run_duration_seconds", now.last_duration_ms / 1000, **labels)
        if now.last_ms is not None:
            yield sample("pipeline_last_run_timestamp_seconds", now.last_ms / 1000, **labels)
        if now.last_success_ms is not None:
            yield sample("pipeline_last_success_timestamp_seconds", now.last_success_ms / 1000, **labels)
