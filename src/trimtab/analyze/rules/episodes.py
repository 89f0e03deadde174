"""When a rule would have fired: from where its expression was true to episodes, and from episodes to a judgement.

All in whole steps of one grid, as if the rule had been evaluated at each of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trimtab.model.alerts import Labels

GAP_MS = 1_800_000
"""Stretches of burning with at most so much between them are one incident."""
SHARE_MIN = 0.01
"""What an incident spends of the budget, at least."""


@dataclass(frozen=True, slots=True)
class Episode:
    """One alert from beginning to end. `fired_at_ms` None: it was pending and never fired; `ended_at_ms` None: it has
    not ended at the end of the grid."""

    rule: str
    labels: Labels
    active_at_ms: int
    fired_at_ms: int | None
    ended_at_ms: int | None


@dataclass(frozen=True, slots=True)
class Incident:
    """A time in which something was wrong. `spent_ratio`: of the budget, where it is one of an objective."""

    start_ms: int
    end_ms: int
    name: str = ""
    spent_ratio: float | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """An incident and the first alert that fired in it (None: it was missed), or a breach and the alert before it."""

    incident: Incident
    fired_at_ms: int | None
    rule: str = ""

    @property
    def delay_ms(self) -> int | None:
        """From its beginning to the alert; of a breach, the lead with another sign."""
        return None if self.fired_at_ms is None else self.fired_at_ms - self.incident.start_ms


def episodes_of(
    present: NDArray[np.bool_],
    start_ms: int,
    step_ms: int,
    for_ms: int,
    keep_firing_for_ms: int,
    rule: str = "",
    labels: Labels = (),
) -> list[Episode]:
    """Episodes of one series.

    >>> true = np.array([0, 1, 1, 1, 0, 0, 1, 0], dtype=bool)
    >>> [(one.active_at_ms, one.fired_at_ms, one.ended_at_ms) for one in episodes_of(true, 0, 10, 20, 0)]
    [(10, 30, 40), (60, None, 70)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate(([False], present, [False])).astype(np.int8)))
    steps_for = -(-for_ms // step_ms)
    steps_kept = -(-keep_firing_for_ms // step_ms)
    count = len(present)
    found: list[Episode] = []
    open_from: tuple[int, int] | None = None  # (active, fired) of an alert that keeps firing
    resolves_at = -1
    for begin, after in edges.reshape(-1, 2).tolist():
        if open_from is not None and begin <= resolves_at and begin < count:
            active, fired = open_from
        else:
            if open_from is not None:
                found.append(_episode(rule, labels, open_from, resolves_at, count, start_ms, step_ms))
                open_from = None
            active, fired = begin, begin + steps_for
            if fired >= after:
                ended = None if after >= count else start_ms + after * step_ms
                found.append(Episode(rule, labels, start_ms + begin * step_ms, None, ended))
                continue
        open_from = active, fired
        resolves_at = after + steps_kept
        if keep_firing_for_ms <= 0:
            found.append(_episode(rule, labels, open_from, resolves_at, count, start_ms, step_ms))
            open_from = None
    if open_from is not None:
        found.append(_episode(rule, labels, open_from, resolves_at, count, start_ms, step_ms))
    return found


def _episode(
    rule: str, labels: Labels, began: tuple[int, int], resolves_at: int, count: int, start_ms: int, step_ms: int
) -> Episode:
    active, fired = (start_ms + place * step_ms for place in began)
    ended = None if resolves_at >= count else start_ms + resolves_at * step_ms
    return Episode(rule, labels, active, fired, ended)


def window_sums(values: NDArray[np.float64], steps: int) -> NDArray[np.float64]:
    """The sum of each element and those before it, `steps` in all.

    >>> window_sums(np.array([1.0, 2.0, 3.0, 4.0]), 2).tolist()
    [1.0, 3.0, 5.0, 7.0]
    """
    sums = np.concatenate(([0.0], np.cumsum(values)))
    ends = np.arange(1, len(values) + 1)
    return np.asarray(sums[ends] - sums[np.maximum(0, ends - steps)])


def incidents_of(
    bad: NDArray[np.float64],
    total: NDArray[np.float64],
    allowed_bad_ratio: float,
    budget: float,
    start_ms: int,
    step_ms: int,
) -> list[Incident]:
    """Stretches in which errors were above what is allowed, with what they spent of `budget` bad events."""
    burning = bad > total * allowed_bad_ratio
    edges = np.flatnonzero(np.diff(np.concatenate(([False], burning, [False])).astype(np.int8))).reshape(-1, 2)
    runs: list[list[int]] = []
    for begin, after in edges.tolist():
        if runs and (begin - runs[-1][1]) * step_ms <= GAP_MS:
            runs[-1][1] = after
        else:
            runs.append([begin, after])
    found = []
    for begin, after in runs:
        spent = float(bad[begin:after].sum()) / budget if budget > 0 else 0.0
        if spent >= SHARE_MIN:
            found.append(Incident(start_ms + (begin - 1) * step_ms, start_ms + (after - 1) * step_ms, "", spent))
    return found


def breaches_of(consumed: NDArray[np.float64], start_ms: int, step_ms: int) -> list[Incident]:
    """Times in which the budget was spent."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], consumed >= 1.0, [False])).astype(np.int8))).reshape(-1, 2)
    last = len(consumed)
    return [
        Incident(start_ms + begin * step_ms, start_ms + min(after, last - 1) * step_ms)
        for begin, after in edges.tolist()
    ]


def judged(incidents: Iterable[Incident], episodes: Sequence[Episode], step_ms: int) -> list[Judged]:
    """For each incident the alert that fired first in it, or that fired already when it began."""
    found = []
    for incident in incidents:
        inside = [
            one
            for one in episodes
            if one.fired_at_ms is not None
            and one.fired_at_ms <= incident.end_ms + step_ms
            and (one.ended_at_ms is None or one.ended_at_ms > incident.start_ms)
        ]
        first = min(inside, key=lambda one: one.fired_at_ms or 0, default=None)
        found.append(
            Judged(incident, None if first is None else first.fired_at_ms, "" if first is None else first.rule)
        )
    return found


def leads(breaches: Iterable[Incident], incidents: Sequence[Incident], episodes: Sequence[Episode]) -> list[Judged]:
    """For each breach the first alert of the incident that it happened in, or that fires when it happens."""
    found = []
    for breach in breaches:
        around = [one for one in incidents if one.start_ms <= breach.start_ms <= one.end_ms]
        since_ms = min((one.start_ms for one in around), default=breach.start_ms)
        before = [
            one
            for one in episodes
            if one.fired_at_ms is not None
            and one.fired_at_ms <= breach.start_ms
            and (one.ended_at_ms is None or one.ended_at_ms > since_ms)
        ]
        first = min(before, key=lambda one: one.fired_at_ms or 0, default=None)
        found.append(Judged(breach, None if first is None else first.fired_at_ms, "" if first is None else first.rule))
    return found


def false_alarms(episodes: Iterable[Episode], incidents: Sequence[Incident]) -> list[Episode]:
    """Episodes that fired while nothing of that was wrong."""
    return [
        one
        for one in episodes
        if one.fired_at_ms is not None
        and not any(
            incident.start_ms <= one.fired_at_ms and one.active_at_ms <= incident.end_ms for incident in incidents
        )
    ]


def clipped(episodes: Iterable[Episode], from_ms: int) -> list[Episode]:
    """Those that had not ended at a moment."""
    return [one for one in episodes if one.ended_at_ms is None or one.ended_at_ms >= from_ms]
