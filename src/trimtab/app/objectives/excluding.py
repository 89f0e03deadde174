"""Time that does not count for an objective, as people ask for it: maintenance, or a budget begun anew."""

from __future__ import annotations

from trimtab.app.objectives.keeper import Objectives
from trimtab.app.persons import check_person
from trimtab.model.errors import InputError
from trimtab.model.free_text import reason_of
from trimtab.model.objective_window import DAY_MS
from trimtab.model.objectives import SLICE_MS, Exclusion

AHEAD_MS_MAX = 366 * DAY_MS


def exclude(
    objectives: Objectives,
    name: str,
    by: str,
    reason: str,
    *,
    start_ms: int,
    end_ms: int | None,
    is_reset: bool,
    now_ms: int,
) -> Exclusion:
    """Take `[start_ms, end_ms)` out (whole minutes); with `is_reset` all before `end_ms` (None: now)."""
    check_person(by)
    said = reason_of(reason)
    if said is None:
        raise InputError("reason: say why this time does not count", field="reason")
    end_ms = now_ms if end_ms is None and is_reset else end_ms
    if end_ms is None:
        raise InputError("end_ms: an exclusion has an end", field="end_ms")
    end_ms = -(-end_ms // SLICE_MS) * SLICE_MS
    if is_reset:
        if not 0 < end_ms <= now_ms + SLICE_MS:
            raise InputError("end_ms: a budget begins anew now, or at a moment of the past", field="end_ms")
        return objectives.exclude(name, Exclusion(end_ms - 1, end_ms, said, is_reset=True, by=by))
    start_ms = start_ms // SLICE_MS * SLICE_MS
    if not 0 <= start_ms < end_ms <= now_ms + AHEAD_MS_MAX:
        told = "it begins before it ends, and ends within a year"
        raise InputError(f"start_ms, end_ms: {told}", field="start_ms")
    return objectives.exclude(name, Exclusion(start_ms, end_ms, said, by=by))
