"""From series to changes of level that are kept: what is new, what was known, what did not last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from trimtab.analyze.changes import ChangePoint, change_points_of_many
from trimtab.app.change_points.series import Looked
from trimtab.model.change_point_settings import ChangePointSettings
from trimtab.model.change_points import KeptChangePoint

AROUND_POINTS = 120
"""So many values before a change and after it are kept for its chart."""
SAME_STEPS = 6
"""A change that is found again so many steps away is the same one."""


@dataclass(frozen=True, slots=True)
class Sorted:
    """What a round found, against what was kept. `gone` are ids of provisional ones that are not found any more."""

    new: tuple[KeptChangePoint, ...]
    seen: tuple[KeptChangePoint, ...]
    gone: tuple[int, ...]


def found_in(looked: Sequence[Looked], settings: ChangePointSettings) -> list[KeptChangePoint]:
    """Changes of all series, with the share of false ones held for all of them together."""
    points = change_points_of_many([one.series for one in looked], settings, [one.load for one in looked])
    return [_as_kept(one, point) for one, of_one in zip(looked, points, strict=True) for point in of_one]


def _as_kept(one: Looked, point: ChangePoint) -> KeptChangePoint:
    subject, series = one.subject, one.series
    low, high = point.interval_90 or (None, None)
    known = np.flatnonzero(np.isfinite(series.values))
    first = max(int(known[0]), point.index - AROUND_POINTS)
    values = series.values[first : point.index + AROUND_POINTS]
    labels = subject.labels
    title = subject.name if subject.family.measures else f"{subject.family.title}: {subject.name}"
    return KeptChangePoint(
        id=0,
        series=subject.id,
        family=subject.family.name,
        title=title,
        unit=subject.unit,
        system=labels.get("system", "") or (labels.get("instance", "") if subject.family.kind == "postgres" else ""),
        fingerprint=labels.get("fingerprint", ""),
        at_ms=point.at_ms,
        step_ms=series.step_ms,
        before=point.before,
        after=point.after,
        ratio=point.ratio,
        low=low,
        high=high,
        p_value=point.p_value,
        provisional=point.provisional,
        spread_ratio=point.spread_ratio,
        adjusted_for=point.adjusted_for,
        href=subject.href,
        service=labels.get("service_name", ""),
        samples_ms=int(series.at_ms[first]),
        samples=tuple(float(f"{value:.6g}") if np.isfinite(value) else None for value in values),
    )


def sort_out(found: Sequence[KeptChangePoint], known: Sequence[KeptChangePoint], broken: frozenset[str]) -> Sorted:
    """Which are new, which were known (with their ids), and which did not last.

    A confirmed change stays when it is not found again: its history grows out of what is looked at. A provisional one
    goes, unless its family could not be read this time.
    """
    by_series: dict[str, list[KeptChangePoint]] = {}
    for one in known:
        by_series.setdefault(one.series, []).append(one)
    new, seen, met = [], [], set()
    for one in found:
        near = [
            old
            for old in by_series.get(one.series, ())
            if old.id not in met and abs(old.at_ms - one.at_ms) <= SAME_STEPS * max(old.step_ms, one.step_ms)
        ]
        if near:
            same = min(near, key=lambda old: abs(old.at_ms - one.at_ms))
            met.add(same.id)
            seen.append(replace(one, id=same.id))
        else:
            new.append(one)
    gone = [
        one.id
        for one in known
        if one.provisional and one.id not in met and one.family not in broken and one.dismissed_at_ms is None
    ]
    return Sorted(tuple(new), tuple(seen), tuple(gone))
