"""A change too harmful to wait for: a plain limit, not a verdict of the statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from trimtab.model.change import Change, Judgement, JudgementKind
from trimtab.model.policy import WatchPolicy

if TYPE_CHECKING:
    from trimtab.store.telemetry import SliceTable, TelemetryStore

CALLS_MIN = 3
DURATION_MS_MIN = 1000.0
"""Nothing shorter than this trips the guard, however large the ratio."""

LONGEST_RUNNING = (
    "SELECT max(duration_ms_max) AS longest FROM activity_samples WHERE system = {system:String} "
    "AND fingerprint = {fingerprint:String} AND sampled_at_ms >= {since:Int64} AND sampled_at_ms <= {now:Int64}"
)


def too_harmful(
    telemetry: TelemetryStore,
    change: Change,
    slices: SliceTable,
    before: NDArray[np.int64],
    after: NDArray[np.int64],
    watch: WatchPolicy,
    now_ms: int,
) -> Judgement | None:
    """Roll back at once where executions, finished or still running, are beyond `guard_ratio_max`; else None.

    Statements that never finish do not show in the statistics, so the sessions that run now are looked at too.
    `before` and `after` are positions in `slices`.
    """
    row = slices.row_of(change.proposal.fingerprint)
    if row is None or not len(before):
        return None
    calls_before = slices.calls[row, before].sum()
    if not calls_before:
        return None
    mean_before_ms = float(slices.total_exec_time_ms[row, before].sum() / calls_before)
    limit_ms = max(mean_before_ms * watch.guard_ratio_max, DURATION_MS_MIN)
    calls_after = int(slices.calls[row, after].sum())
    if calls_after >= CALLS_MIN:
        mean_after_ms = float(slices.total_exec_time_ms[row, after].sum()) / calls_after
        if mean_after_ms > limit_ms:
            reason = f"guard: {mean_after_ms:.0f} ms a call after the change, the limit is {limit_ms:.0f} ms"
            return Judgement(JudgementKind.ROLL_BACK, reason)
    found = telemetry.query(
        LONGEST_RUNNING,
        {
            "system": change.system,
            "fingerprint": change.proposal.fingerprint,
            "since": change.applied_at_ms or now_ms,
            "now": now_ms,
        },
    ).column(0)
    longest_ms = float(found[0].as_py() or 0.0) if len(found) else 0.0
    if longest_ms > limit_ms:
        reason = f"guard: one execution runs for {longest_ms:.0f} ms after the change, the limit is {limit_ms:.0f} ms"
        return Judgement(JudgementKind.ROLL_BACK, reason)
    return None
