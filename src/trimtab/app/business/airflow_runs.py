"""Runs of DAGs out of Airflow's OTLP metrics, which are in the own store: a gauge tells how long the last run took.

Airflow sets `airflow.dagrun.duration.success` and `….failed` (attributes `dag_id`, `run_type`) when a run ends. Each
new value is a run. Two runs in a row that took exactly as long, and runs between two exports, are one: a gauge cannot
tell.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from trimtab.model.pipelines import PipelineRun, RunSource, RunStatus

if TYPE_CHECKING:
    from trimtab.store.promql.answer import Answer

STEP_MS = 15_000
QUERY = '{__name__=~"(.+_)?dagrun_duration_(success|failed)(_milliseconds)?",dag_id!=""}'
AskRange = Callable[[str, int, int, int], "Answer"]
"""PromQL from start to end (milliseconds, both included) by a step."""


class AirflowRuns:
    """Remembers what it saw last. Not thread-safe."""

    def __init__(self) -> None:
        self._seen_ms = 0
        self._last: dict[tuple[tuple[str, str], ...], float] = {}

    def look(self, ask: AskRange, now_ms: int) -> list[PipelineRun]:
        """Runs that ended since the last look. What is there at the first one is where counting begins."""
        end_ms = now_ms // STEP_MS * STEP_MS
        is_first, start_ms = not self._seen_ms, self._seen_ms + STEP_MS
        if is_first:
            start_ms = end_ms
        if start_ms > end_ms:
            return []
        answer = ask(QUERY, max(start_ms, end_ms - 3_600_000), end_ms, STEP_MS)
        self._seen_ms = end_ms
        found = []
        for row, labels in enumerate(answer.labels):
            key = tuple(labels)
            present = np.flatnonzero(answer.present[row])
            values = answer.values[row, present]
            before = self._last.get(key)
            if len(values):
                self._last[key] = float(values[-1])
            known = np.concatenate([[np.nan if before is None else before], values])
            changed = np.flatnonzero(known[1:] != known[:-1])
            if is_first:
                continue
            found += [_run(dict(labels), float(values[at]), int(answer.at_ms[present[at]])) for at in changed.tolist()]
        return found


def _run(labels: dict[str, str], duration_ms: float, at_ms: int) -> PipelineRun:
    failed = "_failed" in labels.get("__name__", "")
    return PipelineRun(
        source=RunSource.AIRFLOW_OTLP,
        pipeline=labels["dag_id"],
        run_id=f"{at_ms}:{duration_ms!r}:{labels.get('run_type', '')}",
        status=RunStatus.FAILED if failed else RunStatus.SUCCESS,
        started_at_ms=round(at_ms - duration_ms),
        ended_at_ms=at_ms,
        duration_ms=duration_ms,
    )
