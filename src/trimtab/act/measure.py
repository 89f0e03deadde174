"""The watch: what an applied change really did, against untouched shapes, and the verdict.

The arithmetic is `trimtab.stats.effect`; how often it is wrong is measured by `make aa`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from trimtab.act.comparison import Comparison, Span, level_stretches, take
from trimtab.act.controls import control_rows, untouched
from trimtab.act.watch_guard import too_harmful
from trimtab.model.change import Change, Effect, Judgement, JudgementKind, Proposal
from trimtab.model.policy import Policy, WatchPolicy
from trimtab.model.query import QueryShape

if TYPE_CHECKING:
    from trimtab.store.telemetry import SliceTable, TelemetryStore

GAP_FACTOR = 2.5
"""A slice longer than this many nominal slices spans a gap and is left out."""
PRESENT_SHARE_MIN = 0.5
"""The changed shape must have run in this share of the baseline's slices."""

SPANS_WAIT_MS_MIN = 5_000
SPANS_WAIT_MS_MAX = 12_000
SPANS_SHARE_MIN = 0.97
"""A verdict waits this long for this share of the changed query's spans, where the application sends any."""

ShapesOf = Callable[[str], Mapping[str, QueryShape]]
Disturbances = Callable[[str, str | None], Sequence[Span]]


@dataclass
class EffectJudge:
    """Judges changes on the telemetry that the watch has stored.

    `shapes_of(system)` gives the known shapes by fingerprint; `disturbances(system, change_id)` the spans in which
    other changes of that system moved things: the level before a change is read from the slices since the last of
    them, the noise from all quiet stretches.
    """

    telemetry: TelemetryStore
    shapes_of: ShapesOf
    disturbances: Disturbances
    _last: dict[str, tuple[int, Judgement]] = field(default_factory=dict)
    _decided: dict[str, int] = field(default_factory=dict)

    def ready(self, proposal: Proposal, policy: Policy, now_ms: int) -> str | None:
        """None when there is enough of a baseline to judge by, else what is still missing."""
        watch = policy.watch
        slices = self._slices(proposal.system, now_ms, now_ms, watch)
        spans = self.disturbances(proposal.system, None)
        stretches = level_stretches(slices, proposal.fingerprint, spans, now_ms, watch)
        count, recent = sum(map(len, stretches)), len(stretches[-1])
        if count < watch.baseline_slices_min:
            return f"the baseline has {count} slices of {watch.slice_s:g} s, {watch.baseline_slices_min} are needed"
        if recent < watch.settle_slices_min:
            needed = watch.settle_slices_min
            return f"{recent} slices of {watch.slice_s:g} s at today's level, {needed} are needed"
        slices = take(slices, stretches[-1])
        row = slices.row_of(proposal.fingerprint)
        present = 0.0 if row is None else float(np.mean(slices.calls[row] > 0))
        if present < PRESENT_SHARE_MIN:
            return f"the query ran in {present:.0%} of the baseline's slices, {PRESENT_SHARE_MIN:.0%} are needed"
        everything = np.arange(recent)
        fit = untouched(slices, self.shapes_of(proposal.system), proposal.target, everything)
        controls = control_rows(slices, fit, proposal.fingerprint, everything)
        if len(controls) < watch.controls_min:
            return f"{len(controls)} untouched shapes can serve as controls, {watch.controls_min} are needed"
        return None

    def judge(self, change: Change, policy: Policy, now_ms: int) -> Judgement:
        """One look. The answer changes only when another batch of slices is complete."""
        watch = policy.watch
        if change.applied_at_ms is None or change.apply_started_at_ms is None:
            return Judgement(JudgementKind.UNDECIDED, "the change has not been applied yet")
        slices = self._slices(change.system, change.apply_started_at_ms, now_ms, watch)
        spans = self.disturbances(change.system, change.id)
        fingerprint = change.proposal.fingerprint
        *history, before = level_stretches(slices, fingerprint, spans, change.apply_started_at_ms, watch)
        after = np.flatnonzero(slices.started_at_ms >= change.applied_at_ms)
        stuck = too_harmful(self.telemetry, change, slices, before, after, watch, now_ms)
        if stuck is not None:
            return stuck
        after = after[watch.warm_up_slices :][: watch.watch_slices_max]
        batches = self._decided.get(change.id) or len(after) // watch.batch_slices
        remembered = self._last.get(change.id)
        if remembered is not None and remembered[0] == batches:
            return remembered[1]
        after, shapes = after[: batches * watch.batch_slices], self.shapes_of(change.system)
        comparison = Comparison(
            slices=slices,
            history=tuple(history),
            before=before,
            after=after,
            shapes=shapes,
            target=change.proposal.target,
            untouched=untouched(slices, shapes, change.proposal.target, before, after),
            watch=watch,
        )
        judgement = self._look(change, comparison)
        if self._spans_on_their_way(judgement, now_ms):
            self._decided[change.id] = batches
            return replace(judgement, kind=JudgementKind.UNDECIDED, reason="decided; the last spans are on their way")
        if judgement.kind is JudgementKind.UNDECIDED:
            self._last[change.id] = (batches, judgement)
        else:
            self._last.pop(change.id, None)
            self._decided.pop(change.id, None)
        return judgement

    def _look(self, change: Change, comparison: Comparison) -> Judgement:
        watch, count = comparison.watch, len(comparison.after)
        if count < watch.batch_slices * watch.batches_min:
            needed = watch.batch_slices * watch.batches_min
            return Judgement(JudgementKind.UNDECIDED, f"{count} of at least {needed} slices after the change seen")
        at_end = count >= watch.watch_slices_max // watch.batch_slices * watch.batch_slices
        open_or_over = JudgementKind.INCONCLUSIVE if at_end else JudgementKind.UNDECIDED
        fingerprint = change.proposal.fingerprint
        controls = comparison.controls(fingerprint)
        if len(controls) < watch.controls_min:
            reason = f"only {len(controls)} untouched shapes to compare with, {watch.controls_min} are needed"
            return Judgement(open_or_over, reason)
        target = comparison.effect(fingerprint, alpha=watch.alpha)
        if target is None:
            return Judgement(open_or_over, "the query ran too seldom before or after the change to be judged")
        estimate, effect = target
        effect = self._with_quantiles(effect)
        others, harmed = self._others(fingerprint, comparison)
        total = _gain_ms_per_s((effect, *others), comparison)
        limit = math.log(watch.tolerance_ratio)
        low, high = effect.interval_90

        def verdict(kind: JudgementKind, reason: str) -> Judgement:
            return Judgement(kind, reason, effect, others, harmed, total)

        span = f"ratio {effect.ratio:.3g} [{low:.3g}, {high:.3g}] against {len(controls)} untouched shapes"
        if harmed:
            return verdict(JudgementKind.ROLL_BACK, f"other queries proven slower: {', '.join(harmed)}; target {span}")
        if estimate.high < -limit:
            return verdict(JudgementKind.KEEP, f"proven faster: {span}")
        if estimate.low > limit:
            return verdict(JudgementKind.ROLL_BACK, f"proven slower: {span}")
        if at_end:
            return verdict(JudgementKind.INCONCLUSIVE, f"no effect could be proven in {count} slices: {span}")
        return verdict(JudgementKind.UNDECIDED, f"still open after {count} slices: {span}")

    def _slices(self, system: str, baseline_end_ms: int, end_ms: int, watch: WatchPolicy) -> SliceTable:
        """Slices from half as long again as the longest baseline (other changes lie between), without gaps."""
        start_ms = baseline_end_ms - int(watch.baseline_slices_max * watch.slice_s * 1500)
        slices = self.telemetry.slices(system, start_ms, end_ms)
        duration_ms = slices.ended_at_ms - slices.started_at_ms
        return take(slices, np.flatnonzero(duration_ms <= GAP_FACTOR * watch.slice_s * 1000))

    def _others(self, fingerprint: str, comparison: Comparison) -> tuple[tuple[Effect, ...], tuple[str, ...]]:
        """Effects on the other shapes of the changed table, and those proven harmed (alpha shared among them)."""
        watch = comparison.watch
        names = comparison.neighbours(fingerprint)
        effects, harmed = [], []
        for name in names:
            found = comparison.effect(name, alpha=watch.alpha / len(names))
            if found is None:
                continue
            estimate, effect = found
            effects.append(effect)
            slower_ms = effect.mean_after_ms - effect.mean_before_ms
            if estimate.low > math.log(watch.harm_ratio_max) and slower_ms > watch.harm_mean_ms_min:
                harmed.append(name)
        return tuple(effects), tuple(harmed)

    def _spans_on_their_way(self, judgement: Judgement, now_ms: int) -> bool:
        """Whether p95 after the change would be read from half of its spans: applications send them in batches."""
        effect = judgement.effect
        if judgement.kind is JudgementKind.UNDECIDED or effect is None or effect.p95_before_ms is None:
            return False
        waited_ms = now_ms - effect.after_end_ms
        if waited_ms < SPANS_WAIT_MS_MIN:
            return True
        if waited_ms > SPANS_WAIT_MS_MAX:
            return False
        seen = self.telemetry.latency(effect.fingerprint, effect.after_start_ms, effect.after_end_ms, (0.95,)).count
        return seen < SPANS_SHARE_MIN * effect.calls_after

    def _with_quantiles(self, effect: Effect) -> Effect:
        before = self.telemetry.latency(effect.fingerprint, effect.before_start_ms, effect.before_end_ms, (0.95, 0.99))
        after = self.telemetry.latency(effect.fingerprint, effect.after_start_ms, effect.after_end_ms, (0.95, 0.99))
        p95_before, p99_before = before.quantiles_ms or (None, None)
        p95_after, p99_after = after.quantiles_ms or (None, None)
        return replace(
            effect,
            p95_before_ms=p95_before,
            p99_before_ms=p99_before,
            p95_after_ms=p95_after,
            p99_after_ms=p99_after,
        )


def _gain_ms_per_s(effects: tuple[Effect, ...], comparison: Comparison) -> float:
    """Execution time saved per second over all shapes concerned, at the calls seen after the change."""
    seconds = comparison.seconds_after()
    saved = sum((e.mean_before_ms - e.mean_after_ms) * e.calls_after for e in effects)
    return saved / seconds if seconds else 0.0
