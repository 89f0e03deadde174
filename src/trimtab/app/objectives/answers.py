"""What pages, the API and the command line are told of objectives: plain values with units in their names."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.analyze.slo.explain import Explained, Firing
from trimtab.analyze.slo.quantities import duration_text
from trimtab.app.objectives.board import ObjectiveNow
from trimtab.app.objectives.files import FileStatus
from trimtab.model.objectives import DurationsSli, EventsSli, Exclusion, LatencySli, Objective, Sli
from trimtab.model.readable import wish_text


@dataclass(frozen=True, slots=True)
class ExclusionRow:
    """Time that does not count. `id` is None where it stands in the file."""

    id: int | None
    start_ms: int
    end_ms: int
    reason: str
    is_reset: bool
    by: str


@dataclass(frozen=True, slots=True)
class BurnRow:
    """One burn rule and how it stands; rates are None where nothing was counted in the window.

    `known_ms`: how much of the long window is measured, where measuring began inside it. `waits_until_ms`: it is above
    its limits, and fires then if errors stay as they are; None: it waits for nothing.
    """

    rule: str
    severity: str
    long_ms: int
    short_ms: int
    for_ms: int
    factor: float
    budget_ratio: float
    long_rate: float | None
    short_rate: float | None
    events_count: float
    fires: bool
    is_thin: bool
    known_ms: int
    waits_until_ms: int | None


@dataclass(frozen=True, slots=True)
class EndRow:
    """When the budget ends at this rate, with an interval that holds 9 times in 10; None: not within the window."""

    at_ms: int | None
    earliest_ms: int | None
    latest_ms: int | None
    source: str


@dataclass(frozen=True, slots=True)
class ObjectiveRow:
    """One objective in a list.

    `assumed_ratio`: so much of what the budget is of lies before the first measurement (or before the budget was begun
    anew) and counts as without errors; where it is above 0, `left_ratio` is the most that can be left.
    """

    name: str
    title: str
    service: str
    system: str
    kind: str
    target_ratio: float
    window: str
    state: str
    good_ratio: float | None
    left_ratio: float | None
    burn_rate: float | None
    burn_window_ms: int
    coverage_ratio: float
    history_ratio: float
    end: EndRow | None
    burning: tuple[str, ...]
    notices: tuple[str, ...]
    assumed_ratio: float


@dataclass(frozen=True, slots=True)
class ObjectiveDetail:
    """One objective, whole."""

    row: ObjectiveRow
    description: str
    labels: tuple[tuple[str, str], ...]
    origin: str
    line: int
    sli: dict[str, str]
    at_ms: int
    window_start_ms: int
    window_end_ms: int
    good_count: float
    total_count: float
    bad_count: float
    total_expected: float
    allowed_bad_count: float
    consumed_ratio: float | None
    measured_minutes: int
    expected_minutes: int
    burns: tuple[BurnRow, ...]
    exclusions: tuple[ExclusionRow, ...]
    read_as: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ObjectivesAnswer:
    """All objectives as they stood when they were counted last, and the files they are from."""

    at_ms: int
    objectives: tuple[ObjectiveRow, ...]
    files: tuple[FileStatus, ...]
    error: str | None


def row_of(now: ObjectiveNow) -> ObjectiveRow:
    """An objective in a list."""
    one, budget = now.objective, now.budget
    end = None
    if budget.end is not None:
        end = EndRow(budget.end.at_ms, budget.end.earliest_ms, budget.end.latest_ms, budget.end.source)
    return ObjectiveRow(
        name=one.name,
        title=one.title,
        service=one.service,
        system=one.system,
        kind=one.sli.kind.value,
        target_ratio=one.target,
        window=window_text(one),
        state=budget.state.value,
        good_ratio=budget.counts.good_ratio,
        left_ratio=budget.left_ratio,
        burn_rate=budget.burn_rate,
        burn_window_ms=budget.burn_window_ms,
        coverage_ratio=budget.counts.coverage_ratio,
        history_ratio=now.history_ratio,
        end=end,
        burning=tuple(burn.rule.name for burn in now.burns if burn.fires),
        notices=budget.notices,
        assumed_ratio=budget.assumed_ratio,
    )


def detail_of(now: ObjectiveNow) -> ObjectiveDetail:
    """An objective, whole."""
    one, budget = now.objective, now.budget
    return ObjectiveDetail(
        row=row_of(now),
        description=one.description,
        labels=one.labels,
        origin=one.origin,
        line=one.line,
        sli=sli_of(one.sli),
        at_ms=budget.at_ms,
        window_start_ms=budget.window_start_ms,
        window_end_ms=budget.window_end_ms,
        good_count=budget.counts.good,
        total_count=budget.counts.total,
        bad_count=budget.counts.bad,
        total_expected=budget.total_expected,
        allowed_bad_count=budget.total_expected * one.allowed_bad_ratio,
        consumed_ratio=budget.consumed_ratio,
        measured_minutes=budget.counts.measured_slices,
        expected_minutes=budget.counts.expected_slices,
        burns=tuple(
            BurnRow(
                rule=burn.rule.name,
                severity=burn.rule.severity,
                long_ms=burn.rule.long_ms,
                short_ms=burn.rule.short_ms,
                for_ms=burn.rule.for_ms,
                factor=burn.rule.factor,
                budget_ratio=burn.rule.budget_ratio,
                long_rate=burn.long_rate,
                short_rate=burn.short_rate,
                events_count=burn.long_total,
                fires=burn.fires,
                is_thin=burn.is_thin,
                known_ms=burn.rule.long_ms if burn.known_ms is None else burn.known_ms,
                waits_until_ms=budget.at_ms + burn.wait_ms if burn.wait_ms else None,
            )
            for burn in now.burns
        ),
        exclusions=tuple(exclusion_row(exclusion) for exclusion in now.exclusions),
        read_as=one.notices,
    )


def exclusion_row(one: Exclusion) -> ExclusionRow:
    """Time that does not count."""
    return ExclusionRow(one.id, one.start_ms, one.end_ms, one.reason, one.is_reset, one.by)


def window_text(one: Objective) -> str:
    """`30d rolling`, or `month, Europe/Berlin`."""
    window = one.window
    if window.unit is None:
        return f"{duration_text(window.length_ms)} rolling"
    unit = window.unit.value if window.count == 1 else f"{window.count} {window.unit.value}s"
    return f"calendar {unit}, {window.zone}"


def sli_of(sli: Sli) -> dict[str, str]:
    """What is counted, in words and queries."""
    if isinstance(sli, EventsSli):
        queries = {"good": sli.good, "bad": sli.bad, "total": sli.total}
        return {"counts": "events", **{name: query for name, query in queries.items() if query}}
    if isinstance(sli, LatencySli):
        return {"counts": f"events of a histogram up to {sli.threshold_s:g} s", "histogram": sli.histogram}
    if isinstance(sli, DurationsSli):
        named = {
            "system": sli.system,
            "fingerprint": sli.fingerprint,
            "service": sli.service,
            "operation": sli.operation,
        }
        what = {name: value for name, value in named.items() if value}
        return {"counts": f"{sli.source} that took at most {sli.threshold_ms:g} ms", **what}
    if sli.is_ratio:
        return {"counts": "minutes, each by its share of good", "query": sli.query}
    wanted = wish_text(f"{sli.comparison.value} {sli.threshold!r}", sli.unit)
    return {
        "counts": f"minutes that end with a value {wanted}",
        "query": sli.query,
    }


def explained_json(one: Explained) -> dict[str, object]:
    """What rules do, as JSON."""
    return {
        "objective": one.objective,
        "target_ratio": one.target,
        "period_s": one.period_ms / 1000,
        "fires": [firing_json(firing) for firing in one.first],
        "rules": [
            {
                "name": rule.name,
                "severity": rule.severity,
                "long_s": rule.long_ms / 1000,
                "short_s": rule.short_ms / 1000,
                "for_s": rule.for_ms / 1000,
                "factor": rule.factor,
                "budget_ratio": rule.budget_ratio,
                "fires": [firing_json(firing) for firing in firings],
            }
            for rule, firings in one.by_rule
        ],
        "notices": list(one.notices),
    }


def firing_json(one: Firing) -> dict[str, object]:
    """One cell of the table; null: it never fires."""
    return {
        "error_ratio": one.error_ratio,
        "burn_rate": one.burn_rate,
        "rule": one.rule,
        "severity": one.severity,
        "time_to_fire_s": None if one.fires_after_ms is None else one.fires_after_ms / 1000,
        "budget_spent_ratio": one.spent_ratio,
        "budget_gone_after_s": None if one.spends_all_after_ms is None else one.spends_all_after_ms / 1000,
    }
