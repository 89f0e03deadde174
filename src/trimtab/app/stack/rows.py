"""One metric as it stands now: its value, what is in force for it, and what its alert can say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trimtab.app.packs.shelf import PackNow
from trimtab.app.stack.answers import CANNOT_FIRE, NOT_KNOWN, QUIET, MetricRow, SeriesValue
from trimtab.app.stack.kinds import ratio_of
from trimtab.app.stack.making import alert_of, objective_of
from trimtab.app.stack.reading import Metric
from trimtab.model.objectives import Comparison

SERIES_TOLD_MAX = 20
Values = Sequence[tuple[Mapping[str, str], float]]
Answer = Values | str
"""Series with their values, or why there are none."""


def row_of(metric: Metric, query: str, answer: Answer, alert_state: str, reason: str) -> MetricRow:
    """`reason`: why there is no data, where there is none."""
    values: Values = () if isinstance(answer, str) else answer
    found = [value for _, value in values]
    is_bad_above = metric.form is None or metric.form.is_good_below
    return MetricRow(
        name=metric.name,
        section=metric.kind.section,
        type=metric.kind.name,
        title=metric.kind.title,
        wish=metric.wish,
        unit=metric.kind.unit,
        query=query,
        alert=alert_of(metric),
        alert_state=(alert_state or _state_of(answer)) if alert_of(metric) else "",
        objective=objective_of(metric),
        value=None if not found else max(found) if is_bad_above else min(found),
        series=[SeriesValue(dict(labels), value) for labels, value in values[:SERIES_TOLD_MAX]],
        why=answer if isinstance(answer, str) else "" if values else reason,
    )


def _state_of(answer: Answer) -> str:
    """Of an alert that is neither pending nor firing.

    >>> _state_of([({}, 1.0)]), _state_of([]), _state_of("no answer within 10 s")
    ('quiet', 'cannot fire', 'not known')
    """
    if isinstance(answer, str):
        return NOT_KNOWN
    return QUIET if answer else CANNOT_FIRE


def as_in_force(row: MetricRow, metric: Metric, now: PackNow) -> None:
    """What its pack does with the metric: nothing where it is off, and by another threshold where one was set since."""
    pack = now.pack
    if not now.is_enabled:
        row.alert_state, row.objective = CANNOT_FIRE, ""
        row.why = f"pack {pack.name} is off: trimtab packs enable {pack.name}" + (f"; {row.why}" if row.why else "")
    text = now.overrides.get(metric.kind.pack_threshold, pack.thresholds[metric.kind.pack_threshold].value)
    if float(text) != metric.wish:
        row.wish_set_up, row.wish = row.wish, float(text)


def is_broken(row: MetricRow, metric: Metric) -> bool:
    """Whether the value of now is other than it is wanted."""
    value = row.value or 0.0
    if metric.form is not None:
        limit = ratio_of(metric.form)
        match metric.form.comparison:
            case Comparison.BELOW:
                return value >= limit
            case Comparison.AT_MOST:
                return value > limit
            case Comparison.ABOVE:
                return value <= limit
            case Comparison.AT_LEAST:
                return value < limit
    return value > (row.wish if isinstance(row.wish, float) else 1.0)


def pack_detail(now: PackNow, wanted: Mapping[str, str], *, dry_run: bool) -> str:
    """How a pack stands, and which of its values are other than those that were set up."""
    told = ", ".join(f"{key}={value}" for key, value in wanted.items())
    if dry_run:
        return f"would be on with {told}"
    if not now.is_enabled:
        return f"off, so none of its alerts can fire; set up was {told}. trimtab packs enable {now.pack.name}"
    defaults = {name: known.value for name, known in now.pack.thresholds.items()}
    in_force = {key: now.overrides.get(key, defaults.get(key, "the pack's own")) for key in wanted}
    others = [f"{key} was set up as {value}" for key, value in wanted.items() if in_force[key] != value]
    return "; ".join([f"on with {', '.join(f'{key}={value}' for key, value in in_force.items())}", *others])
