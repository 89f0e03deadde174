"""Backtests: alerting rules and objectives over stored history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from trimtab.analyze.rules.episodes import (
    Episode,
    Incident,
    Judged,
    breaches_of,
    clipped,
    episodes_of,
    false_alarms,
    incidents_of,
    judged,
    leads,
    window_sums,
)
from trimtab.analyze.rules.results import with_labels
from trimtab.analyze.rules.rule_files import Group, Rule
from trimtab.analyze.rules.rule_source import RuleSource
from trimtab.analyze.slo.known_window import known_slices
from trimtab.analyze.slo.queries import asked_of
from trimtab.app.backtest.history import History, SourceHistory
from trimtab.app.objectives.asking import Rows
from trimtab.app.objectives.counting import Counted, counted
from trimtab.model.alerts import ALERT_NAME
from trimtab.model.errors import InputError
from trimtab.model.objectives import SLICE_MS, Objective
from trimtab.store.metrics.block import METRIC_NAME
from trimtab.store.promql.parse import parse
from trimtab.store.promql.syntax import Selector, walk

EVERY_MS = 60_000


class NothingMeasured(InputError):
    """History has nothing of an objective."""


@dataclass(frozen=True, slots=True)
class Span:
    """The moments that are looked at: from `from_ms` to `to_ms`, every `step_ms`, all on whole steps."""

    from_ms: int
    to_ms: int
    step_ms: int

    @property
    def start_ms(self) -> int:
        """The first moment."""
        return -(-self.from_ms // self.step_ms) * self.step_ms

    @property
    def count(self) -> int:
        """How many moments."""
        return max(0, (self.to_ms - self.start_ms) // self.step_ms + 1)


@dataclass(slots=True)
class Result:
    """What would have been. `coverage`: the share of moments with data (objectives)."""

    name: str
    kind: str
    span: Span
    episodes: list[Episode] = field(default_factory=list)
    incidents: list[Judged] = field(default_factory=list)
    breaches: list[Judged] = field(default_factory=list)
    false_alarms: list[Episode] | None = None
    coverage: float | None = None
    consumed_max: float | None = None
    notices: list[str] = field(default_factory=list)

    @property
    def missed(self) -> list[Incident]:
        """Incidents and breaches without an alert."""
        return [one.incident for one in (*self.incidents, *self.breaches) if one.fired_at_ms is None]


@dataclass(frozen=True, slots=True)
class Wrong:
    """What should have been alerted on."""

    incidents: Sequence[Incident]
    breaches: Sequence[Incident] = ()


# --- rules -----------------------------------------------------------------------------------------------------------


def backtest_rule(group: Group, rule: Rule, history: History, span: Span, wrong: Wrong | None = None) -> Result:
    """One alerting rule. What its own file records is made from history where all that it reads is recorded there."""
    result = Result(rule.name, "alert", span)
    history = _with_recorded(group, rule, history, span, result)
    frame = history.ask(rule.expr, span.start_ms, span.step_ms, span.count)
    fixed = {name: text for name, text in rule.labels if "{{" not in text}
    for row, labels in enumerate(frame.labels):
        own = with_labels(labels, {**fixed, METRIC_NAME: "", ALERT_NAME: rule.name})
        result.episodes += episodes_of(
            frame.present[row], span.start_ms, span.step_ms, rule.for_ms, rule.keep_firing_for_ms, rule.name, own
        )
    result.episodes.sort(key=lambda one: (one.active_at_ms, one.labels))
    if any("{{" in text for _, text in rule.labels):
        result.notices.append("labels with templates are left out")
    if wrong is not None:
        _judge(result, wrong)
    return result


def _with_recorded(group: Group, rule: Rule, history: History, span: Span, result: Result) -> History:
    recording = {one.name: one for one in group.rules if not one.is_alert}
    needed = _reads(rule.expr) & set(recording)
    if not needed:
        return history
    if not _reads(rule.expr) <= set(recording) or any(_reads(recording[name].expr) & set(recording) for name in needed):
        result.notices.append(f"{', '.join(sorted(needed))}: as it was recorded then, not as this file would record it")
        return history
    source = RuleSource()
    for name in sorted(needed):
        one = recording[name]
        frame = history.ask(one.expr, span.start_ms, span.step_ms, span.count)
        for row, labels in enumerate(frame.labels):
            own = with_labels(labels, {METRIC_NAME: name, **dict(one.labels)})
            places = np.flatnonzero(frame.present[row])
            for place, value in zip(places.tolist(), frame.values[row, places].tolist(), strict=True):
                source.append(own, span.start_ms + place * span.step_ms, value)
    return SourceHistory(source)


def _reads(expr: str) -> set[str]:
    names = set()
    for node in walk(parse(expr)):
        if isinstance(node, Selector):
            for matchers in node.alternatives:
                names |= {one.value if one.op == "=" else "" for one in matchers if one.name == METRIC_NAME} or {""}
    return names


# --- objectives ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts of an objective by the slice, from some time before the span on."""

    start_ms: int
    bad: NDArray[np.float64]
    total: NDArray[np.float64]
    measured: NDArray[np.bool_]


def backtest_objective(objective: Objective, history: History, span: Span) -> Result:
    """An objective with its burn rules: when each fires, how the budget goes, and which came before which."""
    result = Result(objective.name, "objective", span)
    counts = counts_of(objective, history, span, result)
    first = (span.start_ms - counts.start_ms) // SLICE_MS
    for rule in objective.burn_rules:
        long_steps, short_steps = (max(1, window_ms // SLICE_MS) for window_ms in (rule.long_ms, rule.short_ms))
        known = known_slices(counts.measured, long_steps)
        fires = known >= short_steps
        for steps, known_ratio in ((long_steps, known / long_steps), (short_steps, 1.0)):
            bad, total = window_sums(counts.bad, steps), window_sums(counts.total, steps)
            with np.errstate(divide="ignore", invalid="ignore"):
                rate = np.where(total > 0, bad / total, 0.0) / objective.allowed_bad_ratio
            fires &= rate * known_ratio > rule.factor
        labels = (("rule", rule.name), ("severity", rule.severity))
        result.episodes += clipped(
            episodes_of(fires, counts.start_ms, SLICE_MS, rule.for_ms, 0, rule.name, labels), span.start_ms
        )
    result.episodes.sort(key=lambda one: (one.active_at_ms, one.rule))
    result.coverage = float(counts.measured[first:].mean()) if span.count else 0.0
    _judge(result, wrong_of(objective, counts, span, result))
    return result


def counts_of(objective: Objective, history: History, span: Span, result: Result) -> Counts:
    """Counts over the span, and as long before it as its windows look back: a burn rule twice, to know what is new."""
    back_ms = max([objective.window.length_ms, *(2 * rule.long_ms for rule in objective.burn_rules)])
    start_ms = (span.start_ms - back_ms) // SLICE_MS * SLICE_MS
    count = (span.to_ms - start_ms) // SLICE_MS + 1
    asked = asked_of(objective.sli, SLICE_MS, is_anchored=history.is_anchored)
    rows: dict[str, Rows] = {}
    for query in asked.queries:
        frame = history.ask(query, start_ms, SLICE_MS, count)
        rows[query] = Rows(frame.values, frame.present & ~np.isnan(frame.values))
    found: Counted = counted(asked, rows)
    if found.problem:
        result.notices.append(found.problem)
    if not found.measured.any():
        why = f": {found.problem}" if found.problem else ""
        raise NothingMeasured(
            f"{objective.name}: there is no data of it between those moments{why}", objective=objective.name
        )
    return Counts(start_ms, found.total - found.good, found.total, found.measured)


def wrong_of(objective: Objective, counts: Counts, span: Span, result: Result) -> Wrong:
    """Incidents and breaches of an objective in the span."""
    window = max(1, objective.window.length_ms // SLICE_MS)
    first = (span.start_ms - counts.start_ms) // SLICE_MS
    measured = np.maximum(1.0, window_sums(counts.measured.astype(np.float64), window))
    if objective.window.is_rolling:
        bad, total = window_sums(counts.bad, window), window_sums(counts.total, window)
    else:
        bad, total, measured = _since_window_began(objective, counts)
    expected = total / measured * window
    with np.errstate(divide="ignore", invalid="ignore"):
        consumed = np.where(expected > 0, bad / (expected * objective.allowed_bad_ratio), 0.0)[first:]
    if float(measured[-1]) < window:
        result.notices.append(
            f"there is data of {measured[-1] / window:.0%} of the window only: the rest is taken to be as much traffic"
        )
    result.consumed_max = float(consumed.max()) if len(consumed) else 0.0
    budget = float(expected[-1]) * objective.allowed_bad_ratio
    incidents = incidents_of(
        counts.bad[first:], counts.total[first:], objective.allowed_bad_ratio, budget, span.start_ms, SLICE_MS
    )
    return Wrong(incidents, breaches_of(consumed, span.start_ms, SLICE_MS))


def _since_window_began(
    objective: Objective, counts: Counts
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Bad, all and measured slices since the calendar window began, at each slice."""
    out = [np.zeros(len(counts.bad)) for _ in range(3)]
    place = 0
    while place < len(counts.bad):
        at_ms = counts.start_ms + place * SLICE_MS
        end_ms = objective.window.bounds(at_ms)[1]
        after = min(len(counts.bad), max(place + 1, -(-(end_ms - counts.start_ms) // SLICE_MS)))
        for target, values in zip(out, (counts.bad, counts.total, counts.measured.astype(np.float64)), strict=True):
            target[place:after] = np.cumsum(values[place:after])
        place = after
    return out[0], out[1], np.maximum(1.0, out[2])


def _judge(result: Result, wrong: Wrong) -> None:
    result.incidents = judged(wrong.incidents, result.episodes, result.span.step_ms)
    result.breaches = leads(wrong.breaches, wrong.incidents, result.episodes)
    result.false_alarms = false_alarms(result.episodes, [*wrong.incidents, *wrong.breaches])
