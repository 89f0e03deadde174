"""One change's slices, cut into quiet stretches before and the time after, and what each shape did in them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from trimtab.act.controls import Untouched, control_rows, touches
from trimtab.model.change import Effect
from trimtab.model.policy import WatchPolicy
from trimtab.model.query import QueryShape
from trimtab.stats.effect import EffectEstimate, estimate_effect
from trimtab.stats.level_shift import last_level_shift

if TYPE_CHECKING:
    from trimtab.store.telemetry import SliceTable

Positions = NDArray[np.int64]
Span = tuple[int, int]
EFFECT_ALPHA = 0.10
"""Effects are shown with intervals of 90 %."""


def take(slices: SliceTable, keep: Positions) -> SliceTable:
    """The slices at these positions, in this order; a copy only where some are left out."""
    if np.array_equal(keep, np.arange(slices.slices_count)):
        return slices
    return replace(
        slices,
        started_at_ms=slices.started_at_ms[keep],
        ended_at_ms=slices.ended_at_ms[keep],
        calls=slices.calls[:, keep],
        total_exec_time_ms=slices.total_exec_time_ms[:, keep],
        rows=slices.rows[:, keep],
    )


def quiet_stretches(slices: SliceTable, spans: Sequence[Span], end_ms: int, watch: WatchPolicy) -> list[Positions]:
    """Positions of the slices before `end_ms`, cut where other changes moved things; the last is the newest.

    The last stretch begins after the last span and may be empty. Earlier ones that hold no whole batch are left out.
    All together are at most `baseline_slices_max` slices, the newest ones.
    """
    moments = [(0, 0), *spans]
    ends = [start for start, _ in spans] + [end_ms]
    stretches = [
        np.flatnonzero((slices.started_at_ms >= begin) & (slices.ended_at_ms <= end))
        for (_, begin), end in zip(moments, ends, strict=True)
    ]
    left = watch.baseline_slices_max
    kept: list[Positions] = []
    for position, stretch in enumerate(reversed(stretches)):
        newest = stretch[len(stretch) - min(left, len(stretch)) :]
        left -= len(newest)
        if position == 0 or len(newest) >= watch.batch_slices:
            kept.append(newest)
    return kept[::-1]


def level_stretches(
    slices: SliceTable, fingerprint: str, spans: Sequence[Span], end_ms: int, watch: WatchPolicy
) -> list[Positions]:
    """`quiet_stretches`, cut once more where the shape itself last moved to another level.

    A query that became slow a minute ago has two levels in its past; a change is to be compared with the newer one.
    """
    stretches = quiet_stretches(slices, spans, end_ms, watch)
    row = slices.row_of(fingerprint)
    newest = stretches[-1]
    if row is None:
        return stretches
    shift = last_level_shift(log_means(slices, np.array([row]))[0, newest], watch.batch_slices)
    if shift is None:
        return stretches
    return [*stretches[:-1], newest[:shift], newest[shift:]]


def log_means(slices: SliceTable, rows: Positions) -> NDArray[np.float64]:
    """Log of mean execution time, shape (rows, slices); NaN where a shape did not run."""
    calls, total_ms = slices.calls[rows], slices.total_exec_time_ms[rows]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((calls > 0) & (total_ms > 0), np.log(total_ms / calls), np.nan)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is compared: `history` and `before` are quiet stretches, `after` the time since the change was made.

    All are positions in `slices`. `shapes` are the known shapes, `target` is the changed relation, `untouched` are the
    shapes that may be compared with.
    """

    slices: SliceTable
    history: tuple[Positions, ...]
    before: Positions
    after: Positions
    shapes: Mapping[str, QueryShape]
    target: str
    untouched: Untouched
    watch: WatchPolicy

    def controls(self, fingerprint: str) -> tuple[tuple[int, str], ...]:
        """Rows and names of the untouched shapes that one shape is compared with."""
        return control_rows(self.slices, self.untouched, fingerprint, self.before)

    def effect(self, fingerprint: str, *, alpha: float) -> tuple[EffectEstimate, Effect] | None:
        """What the change did to one shape; None where it ran too seldom, or with too few controls, to be judged."""
        row = self.slices.row_of(fingerprint)
        chosen = self.controls(fingerprint)
        if row is None or len(chosen) < self.watch.controls_min:
            return None
        rows = np.array([control for control, _ in chosen], dtype=np.int64)
        y, others = log_means(self.slices, np.array([row])), log_means(self.slices, rows)
        estimate = estimate_effect(
            y[0, self.before],
            y[0, self.after],
            others[:, np.concatenate([self.before, self.after])],
            alpha=alpha,
            batch_slices=self.watch.batch_slices,
            history=[(y[0, stretch], others[:, stretch]) for stretch in self.history],
        )
        calls_before, mean_before_ms = self.mean(row, self.before)
        calls_after, mean_after_ms = self.mean(row, self.after)
        if estimate is None or estimate.batches_after < self.watch.batches_min or not calls_before or not calls_after:
            return None
        low, high = estimate.interval(EFFECT_ALPHA)
        return estimate, Effect(
            fingerprint=fingerprint,
            ratio=math.exp(estimate.log_ratio),
            interval_90=(math.exp(low), math.exp(high)),
            raw_ratio=mean_after_ms / mean_before_ms,
            mean_before_ms=mean_before_ms,
            mean_after_ms=mean_after_ms,
            calls_before=calls_before,
            calls_after=calls_after,
            slices_before=len(self.before),
            slices_after=len(self.after),
            before_start_ms=int(self.slices.started_at_ms[self.before[0]]),
            before_end_ms=int(self.slices.ended_at_ms[self.before[-1]]),
            after_start_ms=int(self.slices.started_at_ms[self.after[0]]),
            after_end_ms=int(self.slices.ended_at_ms[self.after[-1]]),
            control_ratio=math.exp(estimate.control_log_ratio),
            controls=tuple(name for _, name in chosen),
        )

    def mean(self, row: int, positions: Positions) -> tuple[int, float]:
        """Calls, and mean execution time over them (0 without a call)."""
        calls = int(self.slices.calls[row, positions].sum())
        total_ms = float(self.slices.total_exec_time_ms[row, positions].sum())
        return calls, total_ms / calls if calls else 0.0

    def neighbours(self, fingerprint: str) -> tuple[str, ...]:
        """The other shapes that read or write the changed relation."""
        return tuple(
            name
            for name in self.slices.fingerprints
            if name != fingerprint and (shape := self.shapes.get(name)) is not None and touches(shape, self.target)
        )

    def seconds_after(self) -> float:
        """How long the time after the change is."""
        return float((self.slices.ended_at_ms[self.after] - self.slices.started_at_ms[self.after]).sum()) / 1000.0
