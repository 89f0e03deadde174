"""Pipelines over the window, and their runs."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.app.business.pipelining import PipelineNow
from trimtab.model.pipelines import PipelineRun


@dataclass(frozen=True, slots=True)
class PipelineRow:
    """A pipeline over the window, as one source tells of it; the interval of the rate holds 9 times in 10."""

    pipeline: str
    source: str
    success_rate: float | None
    success_rate_low: float | None
    success_rate_high: float | None
    success_count: int
    failed_count: int
    aborted_count: int
    running_count: int
    mean_duration_ms: float | None
    last_duration_ms: float | None
    last_ended_at_ms: int | None
    last_success_at_ms: int | None


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run."""

    pipeline: str
    source: str
    run_id: str
    status: str
    started_at_ms: int | None
    ended_at_ms: int | None
    duration_ms: float | None
    told: str


@dataclass(frozen=True, slots=True)
class PipelinesAnswer:
    """Pipelines by name."""

    at_ms: int
    window_s: float
    pipelines: tuple[PipelineRow, ...]
    problems: tuple[str, ...]


def pipeline_row(now: PipelineNow) -> PipelineRow:
    """One pipeline."""
    low, high = now.interval or (None, None)
    return PipelineRow(
        now.pipeline,
        now.source,
        now.success_rate,
        low,
        high,
        now.success_count,
        now.failed_count,
        now.aborted_count,
        now.running_count,
        now.mean_duration_ms,
        now.last_duration_ms,
        now.last_ms,
        now.last_success_ms,
    )


def run_row(run: PipelineRun) -> RunRow:
    """One run."""
    return RunRow(
        run.pipeline,
        run.source.value,
        run.run_id,
        run.status.value,
        run.started_at_ms,
        run.ended_at_ms,
        run.duration_ms,
        run.told,
    )
