"""Runs of pipelines: taken from whoever tells of them, kept, and counted over the window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trimtab.app.business.airflow_runs import AirflowRuns, AskRange
from trimtab.model.business_settings import BusinessPolicy
from trimtab.model.errors import EngineRefused, InputError
from trimtab.model.pipelines import PipelineRun
from trimtab.stats.share import share_interval
from trimtab.store.business_reads import span_runs
from trimtab.store.business_state import PipelineState

if TYPE_CHECKING:
    from trimtab.store.telemetry import TelemetryStore

DAY_MS = 86_400_000
SEGMENTS_FIRST = 64
"""So many segments of spans, those that are there already, are looked at when nobody knows how far one came."""
SEGMENTS_MAX = 500
"""In one look: what came while nobody looked is caught up with piece by piece."""
SPAN_LENGTH_MS_MAX = 2 * DAY_MS
"""A run that is longer is not found in spans."""


@dataclass(frozen=True, slots=True)
class PipelineNow:
    """A pipeline as one source tells of it, over the window. `success_rate` None: no run ended in it.

    The interval is Wilson's, 90 %. `last_ms` and `last_success_ms` are the ends of the newest runs, whenever that was.
    """

    source: str
    pipeline: str
    success_count: int
    failed_count: int
    aborted_count: int
    running_count: int
    last_ms: int | None
    last_success_ms: int | None
    mean_duration_ms: float | None
    last_duration_ms: float | None
    database_ms: float | None

    @property
    def ended_count(self) -> int:
        """Runs that ended in the window."""
        return self.success_count + self.failed_count + self.aborted_count

    @property
    def success_rate(self) -> float | None:
        """Runs that succeeded, of those that ended."""
        return self.success_count / self.ended_count if self.ended_count else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Of the success rate."""
        return share_interval(self.success_count, self.ended_count) if self.ended_count else None


def _is_past(run: PipelineRun, now_ms: int) -> bool:
    return max(run.started_at_ms or 0, run.ended_at_ms or 0) <= now_ms + DAY_MS


class Pipelining:
    """`look` is for one thread; `keep` may be called from any."""

    def __init__(
        self,
        telemetry: TelemetryStore,
        state: PipelineState,
        policy: Callable[[], BusinessPolicy],
        now_ms: Callable[[], int],
    ) -> None:
        self._telemetry, self._state, self._policy, self._now_ms = telemetry, state, policy, now_ms
        self._airflow = AirflowRuns()
        self._forgot_ms = 0
        self.told_count = 0
        """How often somebody told of runs: what was counted before the last time is not all."""

    def keep(self, runs: Sequence[PipelineRun]) -> None:
        """Write down what somebody told; InputError where it lies in the future: it would be the newest for ever."""
        now_ms = self._now_ms()
        for run in runs:
            if not _is_past(run, now_ms):
                raise InputError(f"the run {run.run_id[:60]!r} of {run.pipeline[:60]!r} lies more than a day ahead")
        if runs:
            self._state.keep(runs, now_ms)
            self.told_count += 1

    def look(self, ask: AskRange, now_ms: int) -> None:
        """Look for runs in spans and metrics that came since, and forget old ones."""
        policy = self._policy()
        self._look_at_spans(policy, now_ms)
        self.keep(self._airflow.look(ask, now_ms))
        if now_ms - self._forgot_ms > 3_600_000:
            self._forgot_ms = now_ms
            self._state.forget(now_ms - policy.pipeline_kept_days * DAY_MS)

    def _look_at_spans(self, policy: BusinessPolicy, now_ms: int) -> None:
        stored_to, looked_to = self._telemetry.stored_to("spans"), self._state.looked_to()
        after = looked_to if looked_to is not None and looked_to <= stored_to else max(stored_to - SEGMENTS_FIRST, 0)
        to = min(stored_to, after + SEGMENTS_MAX)
        if after == to:
            return
        names = (policy.pipeline_attributes, policy.pipeline_span_prefixes)
        try:
            found = span_runs(self._telemetry, *names, after, to, now_ms - SPAN_LENGTH_MS_MAX)
        except EngineRefused:  # too much, and it would be the next time: it is said, and left out
            self._state.set_looked_to(to)
            raise
        self.keep([run for run in found if _is_past(run, now_ms)])
        self._state.set_looked_to(to)

    def now(self, now_ms: int) -> tuple[PipelineNow, ...]:
        """Each pipeline, by name."""
        durations = self._state.last_durations()
        rows = self._state.standings(now_ms - round(self._policy().pipeline_window_s * 1000))
        return tuple(
            PipelineNow(
                source=row["source"],
                pipeline=row["pipeline"],
                success_count=row["success"] or 0,
                failed_count=row["failed"] or 0,
                aborted_count=row["aborted"] or 0,
                running_count=row["running"] or 0,
                last_ms=row["last_ms"],
                last_success_ms=row["last_success_ms"],
                mean_duration_ms=row["mean_ms"],
                last_duration_ms=durations.get((row["source"], row["pipeline"])),
                database_ms=row["database_ms"],
            )
            for row in rows
        )

    def newest(self, source: str = "", pipeline: str = "", limit: int = 100) -> list[PipelineRun]:
        """Runs, newest first."""
        return self._state.newest(source, pipeline, limit)

    def database_ms(self, from_ms: int, to_ms: int) -> dict[str, float]:
        """See `PipelineState.database_ms`."""
        return self._state.database_ms(from_ms, to_ms)
