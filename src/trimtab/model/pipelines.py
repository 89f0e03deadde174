"""Runs of pipelines, whoever tells of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

NAME_CHARS_MAX = 300
TOLD_CHARS_MAX = 500


class RunSource(StrEnum):
    """Who told of a run."""

    SPANS = "otel"
    OPENLINEAGE = "openlineage"
    DBT = "dbt"
    AIRFLOW_STATSD = "airflow-statsd"
    AIRFLOW_OTLP = "airflow-otlp"


class RunStatus(StrEnum):
    """How a run stands."""

    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    ABORTED = "aborted"

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes."""
        return self is not RunStatus.RUNNING


@dataclass(frozen=True, slots=True)
class PipelineRun:
    """One run. `run_id` is its sender's own, so that the same run told twice is one.

    `database_ms` is how long it waited for databases, where its sender says so; `told` is why it failed, or what it
    did.
    """

    source: RunSource
    pipeline: str
    run_id: str
    status: RunStatus
    started_at_ms: int | None = None
    ended_at_ms: int | None = None
    duration_ms: float | None = None
    database_ms: float | None = None
    told: str = ""
