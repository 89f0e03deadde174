"""One round: reads what pages draw, asks every series for every pattern, and pairs of them for knees and leads."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from trimtab.analyze.patterns.found import Answer, Kind, Lead, NoPattern
from trimtab.analyze.patterns.knees import knee
from trimtab.analyze.patterns.lead_lag import leads
from trimtab.analyze.patterns.mix import Loads, mix
from trimtab.analyze.patterns.of_series import patterns_of
from trimtab.app.forecasting.families import FAMILIES, Family, named_family
from trimtab.app.forecasting.history import Block, kept
from trimtab.app.forecasting.subjects import Subject
from trimtab.app.patterns.answers import LINE_POINTS, FoundPatterns, NothingRow, PatternLine, PatternRow, row_of
from trimtab.model.errors import TrimtabError
from trimtab.model.forecast_settings import ForecastPolicy
from trimtab.model.pattern_settings import PatternsPolicy
from trimtab.stats.time_series import TimeSeries

if TYPE_CHECKING:
    from trimtab.app.forecasting.asking import Asking

DAY_MS = 86_400_000
FINE_MS, COARSE_MS = 120_000, 300_000
FINE_DAYS = 2.0
"""Where a server is younger than that, points are two minutes apart instead of five."""
POINTS_MAX = 10_000
PATTERNS_KEPT = 400
NOTHING_KEPT = 400
SAME_FROM = 0.95
"""Two series that move in the same step and with this correlation are the same thing."""
KINDS_LEFT_OUT = ("objective", "rule")
LOADS = (("calls_per_s", "mean_ms"), ("sessions_active", "mean_ms"))
"""Load and latency, by the measures of a watched system or of a query shape."""
SERVICE_LOAD, SERVICE_LATENCY = "service_rate", "service_p95"


@dataclass(frozen=True, slots=True)
class One:
    """A series, and what it is of."""

    subject: Subject
    series: TimeSeries


@dataclass(slots=True)
class Round:
    """What is found, while it is looked for. `is_over` says that nobody waits any more."""

    policy: PatternsPolicy
    asking: Asking
    now_ms: int
    is_over: Callable[[], bool] = lambda: False
    rows: list[PatternRow] = field(default_factory=list)
    nothing: list[NothingRow] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def look(self) -> FoundPatterns:
        """Look at everything. What cannot be read is said, and the rest goes on."""
        every = self._read()
        for one in every:
            if self.is_over():
                break
            for answer in patterns_of(one.series):
                self._take(answer, one)
        by_id = {one.subject.id: one for one in every}
        for load, latency in pairs_of_load(every):
            if self.is_over():
                break
            self._take(knee(load.series, latency.series), latency)
        self._leads(every, by_id)
        self._mixes(every)
        return self._answer(len(every))

    def _read(self) -> list[One]:
        """Series of all families, a family after the other until there are `series_max`."""
        named = [named_family(number, query) for number, query in enumerate(self.policy.queries, 1)]
        wish = ForecastPolicy(queries=self.policy.queries, shapes=self.policy.shapes)
        every: list[One] = []
        for family in (*named, *(one for one in FAMILIES if one.kind not in KINDS_LEFT_OUT)):
            left = self.policy.series_max - len(every)
            if left <= 0 or self.is_over():
                break
            try:
                every += list(_ones(kept(self._block(family, wish), left)))
            except TrimtabError as error:
                self.problems.append(f"{family.title}: {error.message}")
        return every

    def _block(self, family: Family, wish: ForecastPolicy) -> Block:
        source = self.asking.source(family, wish, self.now_ms)
        window_ms = self.policy.window_days * DAY_MS
        step_ms = COARSE_MS * max(1, math.ceil(window_ms / (COARSE_MS * POINTS_MAX)))
        count = int(window_ms // step_ms)
        newest_ms = source.newest_ms(self.now_ms, step_ms)
        block = source.read(newest_ms - (count - 1) * step_ms, count, step_ms)
        there = np.isfinite(block.values).any(axis=0)
        if not there.any() or (count - int(np.argmax(there))) * step_ms >= FINE_DAYS * DAY_MS:
            return block
        count = int(FINE_DAYS * DAY_MS // FINE_MS)
        newest_ms = source.newest_ms(self.now_ms, FINE_MS)
        return source.read(newest_ms - (count - 1) * FINE_MS, count, FINE_MS)

    def _take(self, answer: Answer, one: One) -> None:
        if isinstance(answer, NoPattern):
            self.nothing.append(NothingRow(answer.kind, one.subject.id, answer.why.value, answer.reason))
            return
        line = line_of(one.series) if answer.kind in (Kind.LEAK, Kind.SAW_TEETH, Kind.BURSTS) else None
        self.rows.append(row_of(answer, one.subject.id, told_name(one.subject), one.subject.href, line))

    def _leads(self, every: Sequence[One], by_id: dict[str, One]) -> None:
        """Of the first series of different families in turn, so that not one family fills all places."""
        chosen = in_turn(every)[: self.policy.lead_series]
        if len(chosen) < 2:
            return
        for answer in leads([replace(one.series, name=one.subject.id) for one in chosen]):
            if isinstance(answer, Lead) and is_the_same(answer):
                continue
            if isinstance(answer, Lead):
                self._take(named_lead(answer, by_id), by_id[answer.leader])
            else:
                self._take(answer, by_id[answer.series])

    def _mixes(self, every: Sequence[One]) -> None:
        """Of each watched system, by the load of its query shapes."""
        loads = [
            one for one in every if one.subject.id.startswith("shape/") and one.subject.id.endswith("/load_ms_per_s")
        ]
        for system in dict.fromkeys(one.subject.labels["system"] for one in loads):
            mine = [one for one in loads if one.subject.labels["system"] == system]
            start_ms, step_ms = int(mine[0].series.at_ms[0]), mine[0].series.step_ms
            found = mix(
                system,
                Loads(
                    [one.subject.labels["fingerprint"] for one in mine],
                    start_ms,
                    step_ms,
                    np.stack([one.series.values for one in mine]),
                ),
            )
            if isinstance(found, NoPattern):
                self.nothing.append(NothingRow(found.kind, system, found.why.value, found.reason))
            else:
                self.rows.append(row_of(found, f"system/{system}", system, "/queries"))

    def _answer(self, looked_at: int) -> FoundPatterns:
        counted: dict[str, Counter[str]] = {}
        for one in self.nothing:
            counted.setdefault(one.kind.value, Counter())[one.why] += 1
        rows = sorted(self.rows, key=_weight)
        return FoundPatterns(
            at_ms=self.now_ms,
            from_ms=self.now_ms - round(self.policy.window_days * DAY_MS),
            to_ms=self.now_ms,
            looked_at=looked_at,
            patterns=rows[:PATTERNS_KEPT],
            left_out=max(0, len(rows) - PATTERNS_KEPT),
            nothing={kind: dict(counts) for kind, counts in counted.items()},
            nothing_rows=self.nothing[:NOTHING_KEPT],
            problems=self.problems,
            total=len(rows),
        )


def _weight(row: PatternRow) -> tuple[bool, float]:
    """What has a hint comes first, then what explains most."""
    return row.hint is None, -(row.found.evidence.explained_share or 0.0)


def _ones(block: Block) -> Iterator[One]:
    at_ms = block.start_ms + np.arange(block.values.shape[1], dtype=np.int64) * block.step_ms
    for subject, values in zip(block.subjects, block.values, strict=True):
        yield One(subject, TimeSeries(told_name(subject), at_ms, values, subject.unit))


def told_name(subject: Subject) -> str:
    """What people read: what it is, and of whom."""
    return subject.name if not subject.family.query else f"{subject.name}: {subject.family.title}"


def pairs_of_load(every: Sequence[One]) -> Iterator[tuple[One, One]]:
    """Load and latency of the same thing."""
    by_id = {one.subject.id: one for one in every}
    for one in every:
        start, _, measure = one.subject.id.rpartition("/")
        for load, latency in LOADS:
            if one.subject.family.measures and measure == latency and f"{start}/{load}" in by_id:
                yield by_id[f"{start}/{load}"], one
        if one.subject.family.name == SERVICE_LATENCY:
            load_id = one.subject.id.replace(SERVICE_LATENCY, SERVICE_LOAD, 1)
            if load_id in by_id:
                yield by_id[load_id], one


def is_the_same(found: Lead) -> bool:
    """Whether both are one thing under two names."""
    return found.lag_ms == 0 and abs(found.correlation) >= SAME_FROM


def in_turn(every: Sequence[One]) -> list[One]:
    """The first of each family, then the second of each, and so on."""
    ranks: Counter[str] = Counter()
    ranked = []
    for place, one in enumerate(every):
        ranked.append((ranks[one.subject.family.name], place))
        ranks[one.subject.family.name] += 1
    return [every[place] for _, place in sorted(ranked)]


def named_lead(found: Lead, by_id: dict[str, One]) -> Lead:
    """The same with names for people."""
    return replace(
        found, leader=told_name(by_id[found.leader].subject), follower=told_name(by_id[found.follower].subject)
    )


def line_of(series: TimeSeries) -> PatternLine:
    """A series from its first to its last number, in at most LINE_POINTS points that keep its peaks.

    >>> at = np.arange(1000, dtype=np.int64) * 1000
    >>> line = line_of(TimeSeries("x", at, np.where(at == 500_000, 9.0, 1.0)))
    >>> len(line.values), max(line.values), line.step_ms
    (240, 9.0, 4166.666666666667)
    """
    there = np.flatnonzero(np.isfinite(series.values))
    if there.size == 0:
        return PatternLine(int(series.at_ms[0]), 0.0, ())
    values = series.values[there[0] : there[-1] + 1]
    start_ms = int(series.at_ms[there[0]])
    if values.size <= LINE_POINTS:
        return PatternLine(start_ms, float(series.step_ms), tuple(_plain(one) for one in values))
    pieces = LINE_POINTS // 2
    piece = np.arange(values.size) * pieces // values.size
    starts = np.searchsorted(piece, np.arange(pieces))
    lows = np.fmin.reduceat(values, starts)
    highs = np.fmax.reduceat(values, starts)
    both = np.column_stack([lows, highs]).ravel()
    return PatternLine(start_ms, values.size * series.step_ms / LINE_POINTS, tuple(_plain(one) for one in both))


def _plain(value: float) -> float | None:
    return float(f"{value:.6g}") if np.isfinite(value) else None
