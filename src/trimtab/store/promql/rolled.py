"""What a query reads where samples are not kept any more, or where there are too many of them: roll-ups.

Samples are read wherever they are kept and the limit allows it. Before that time (`Border`) functions that roll-ups
answer are taken from their columns (`rolled_functions`), and everything else sees the first and the last sample of
each window. Either way the answer says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from trimtab.store.metrics.block import STALE_BITS, Labels, Matcher, SeriesBlock, Source
from trimtab.store.metrics.rolled import HOURS_MS, MINUTES_MS, NAMES, Column, Kept, RolledBlock, RolledSource
from trimtab.store.metrics.rolled_histograms import HistogramColumn, RolledHistograms, RolledHistogramSource
from trimtab.store.promql.histogram import FloatHistogram
from trimtab.store.promql.notes import Note
from trimtab.store.promql.options import Options
from trimtab.store.promql.vector import Ints

CHEAP_MS = 2 * HOURS_MS
"""The samples of no more time than this are not counted before they are read."""
ROWS_MAX = 20_000_000
"""More rows than this are read from the roll-ups by the hour, where that is possible."""
SAMPLE_COLUMNS: Sequence[Column] = ("first_at_ms", "first_value", "last_at_ms", "last_value", "ended_at_ms")
_ENDS: Sequence[HistogramColumn] = ("first", "last")
_STALE = np.array([STALE_BITS], np.int64).view(np.float64)[0]
Alternatives = Sequence[Sequence[Matcher]]


@dataclass(frozen=True, slots=True)
class Border:
    """Samples are read from `raw_from_ms` on, roll-ups before; why."""

    kept: Kept
    raw_from_ms: int
    why: str

    def resolution_ms(self, series_count: int, from_ms: int, to_ms: int) -> int:
        """Which roll-ups tell a time: those by the hour where the others are gone, or are too many."""
        rows = series_count * (to_ms - from_ms) // MINUTES_MS
        return HOURS_MS if from_ms < self.kept.minutes_from_ms or rows > ROWS_MAX else MINUTES_MS

    def note(self, how: str, resolution_ms: int) -> Note:
        """An info."""
        until = datetime.fromtimestamp(self.raw_from_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return Note("info", f"{how} {NAMES[resolution_ms]} roll-ups before {until}: {self.why}")


@dataclass(slots=True)
class Rolled:
    """Of one evaluation: what the source keeps is asked once."""

    source: Source
    options: Options
    _is_asked: bool = False
    _kept: Kept | None = None
    _borders: dict[tuple[object, ...], Border | None] = field(default_factory=dict)

    @property
    def rows(self) -> RolledSource:
        """The source, where `border` was not None."""
        if not isinstance(self.source, RolledSource):
            raise TypeError("the source has no roll-ups")
        return self.source

    def border(self, alternatives: Alternatives, from_ms: int, to_ms: int) -> Border | None:
        """Where samples begin, for a selector that wants `[from_ms, to_ms]`; None where all of it are samples."""
        if not self._is_asked:
            self._is_asked = True
            self._kept = self.source.kept() if isinstance(self.source, RolledSource) else None
        kept = self._kept
        if kept is None or (from_ms >= kept.raw_from_ms and to_ms - from_ms <= CHEAP_MS):
            return None
        key = (tuple(map(tuple, alternatives)), from_ms, to_ms)
        if key not in self._borders:
            self._borders[key] = self._border(kept, alternatives, from_ms, to_ms)
        return self._borders[key]

    def _border(self, kept: Kept, alternatives: Alternatives, from_ms: int, to_ms: int) -> Border | None:
        limit = min(kept.samples_max, self.options.samples_max)
        raw_from_ms = max(from_ms, kept.raw_from_ms)
        count = self.rows.samples_estimate(alternatives, raw_from_ms, to_ms) if to_ms > raw_from_ms else 0
        if count > limit and kept.minutes_to_ms > from_ms:
            return Border(kept, kept.minutes_to_ms, f"about {count} raw samples would be read, the limit is {limit}")
        if from_ms >= kept.raw_from_ms:
            return None
        return Border(kept, kept.raw_from_ms, f"raw samples are kept for {kept.raw_days} days")

    def histograms(
        self,
        alternatives: Alternatives,
        resolution_ms: int,
        from_ms: int,
        to_ms: int,
        columns: Sequence[HistogramColumn],
    ) -> RolledHistograms | None:
        """Rows of native histograms; None where there are none."""
        if not isinstance(self.source, RolledHistogramSource):
            return None
        return self.source.select_rolled_histograms(alternatives, resolution_ms, from_ms, to_ms, columns)

    def lookbacks(self, alternatives: Alternatives, times_ms: Ints) -> list[tuple[slice, int]]:
        """How far back each step looks: between last samples there may be nothing for as long as a roll-up."""
        lookback_ms = self.options.lookback_ms
        whole = [(slice(0, len(times_ms)), lookback_ms)]
        border = self.border(alternatives, int(times_ms[0]) - lookback_ms, int(times_ms[-1]))
        if border is None:
            return whole
        series_count = self.rows.series_estimate(alternatives)
        longer_ms = lookback_ms + border.resolution_ms(series_count, int(times_ms[0]) - lookback_ms, border.raw_from_ms)
        count = int(np.searchsorted(times_ms, border.raw_from_ms + lookback_ms))
        return [(slice(0, count), longer_ms), (slice(count, len(times_ms)), lookback_ms)]

    def block(self, alternatives: Alternatives, from_ms: int, to_ms: int) -> tuple[SeriesBlock, Border | None, int]:
        """Samples; and where some stand for others, since when they do not, and for how much time each stands."""
        border = self.border(alternatives, from_ms, to_ms)
        if border is None:
            return self.source.select(alternatives, from_ms, to_ms), None, 0
        series_count = self.rows.series_estimate(alternatives)
        resolution_ms = border.resolution_ms(series_count, from_ms, min(to_ms, border.raw_from_ms))
        raw_from_ms = border.raw_from_ms
        if resolution_ms == HOURS_MS:
            raw_from_ms = min(raw_from_ms, border.kept.hours_to_ms)
        until_ms = min(to_ms + 1, raw_from_ms)
        rows = self.rows.select_rolled(
            alternatives, resolution_ms, from_ms - 1, until_ms + resolution_ms, SAMPLE_COLUMNS
        )
        old = samples_of(rows, from_ms, until_ms - 1)
        histograms = self.histograms(
            alternatives, resolution_ms, from_ms - 1, until_ms + resolution_ms, ("first", "last")
        )
        if histograms is not None:
            old = joined(old, histograms_of(histograms, from_ms, until_ms - 1))
        if to_ms < raw_from_ms:
            return old, border if len(old.at_ms) else None, resolution_ms
        new = self.source.select(alternatives, raw_from_ms, to_ms)
        if len(old.at_ms) == 0:
            return new, None, 0
        return joined(old, new), border, resolution_ms


def samples_of(rows: RolledBlock, from_ms: int, to_ms: int) -> SeriesBlock:
    """First and last sample of each row, and the end of a series, with `from_ms <= at_ms <= to_ms`."""
    count = len(rows.end_ms)
    at_ms = np.empty((count, 3), np.int64)
    values = np.empty((count, 3))
    at_ms[:, 0], at_ms[:, 1] = rows.times("first_at_ms"), rows.times("last_at_ms")
    at_ms[:, 2] = rows.times("ended_at_ms")
    values[:, 0], values[:, 1] = rows.numbers("first_value"), rows.numbers("last_value")
    values[:, 2] = _STALE
    is_kept = (at_ms >= from_ms) & (at_ms <= to_ms)
    is_kept[:, 0] &= at_ms[:, 0] != at_ms[:, 1]
    is_kept[:, 2] &= at_ms[:, 2] > 0
    before = np.concatenate([np.zeros(1, np.int64), np.cumsum(is_kept.sum(axis=1))])
    return SeriesBlock(rows.labels, before[rows.offsets], at_ms[is_kept], values[is_kept], None, None)


def histograms_of(rows: RolledHistograms, from_ms: int, to_ms: int) -> SeriesBlock:
    """The same of rows of native histograms."""
    count = len(rows.end_ms)
    at_ms = np.stack([rows.first_at_ms, rows.last_at_ms, rows.ended_at_ms], axis=1)
    values = np.zeros((count, 3))
    values[:, 2] = _STALE
    is_kept = (at_ms >= from_ms) & (at_ms <= to_ms)
    is_kept[:, 0] &= at_ms[:, 0] != at_ms[:, 1]
    is_kept[:, 2] &= at_ms[:, 2] > 0
    all_of_them = np.full((count, 3), None, np.object_)
    for column, name in enumerate(_ENDS):
        for row, value in enumerate(rows.columns[name]):
            all_of_them[row, column] = value
    before = np.concatenate([np.zeros(1, np.int64), np.cumsum(is_kept.sum(axis=1))])
    kept: list[FloatHistogram | None] = all_of_them[is_kept].tolist()
    return SeriesBlock(rows.labels, before[rows.offsets], at_ms[is_kept], values[is_kept], None, kept)


def joined(old: SeriesBlock, new: SeriesBlock) -> SeriesBlock:
    """Samples of `old` and those of `new`, series by series, in order of time."""
    places: dict[Labels, int] = {}
    parts = [
        (block, np.array([places.setdefault(one, len(places)) for one in block.labels], np.int64))
        for block in (old, new)
    ]
    offsets = np.zeros(len(places) + 1, np.int64)
    for block, series in parts:
        offsets[1:][series] += np.diff(block.offsets)
    np.cumsum(offsets, out=offsets)
    total = int(offsets[-1])
    cursor = offsets[:-1].copy()
    at_ms, values = np.empty(total, np.int64), np.empty(total)
    start_ms = None if new.start_ms is None else np.zeros(total, np.int64)
    has_histograms = old.histograms is not None or new.histograms is not None
    histograms: list[FloatHistogram | None] | None = [None] * total if has_histograms else None
    for block, series in parts:
        lengths = np.diff(block.offsets)
        to = np.repeat(cursor[series] - block.offsets[:-1], lengths) + np.arange(len(block.at_ms))
        at_ms[to], values[to] = block.at_ms, block.values
        cursor[series] += lengths
        if start_ms is not None and block.start_ms is not None:
            start_ms[to] = block.start_ms
        if histograms is not None and block.histograms is not None:
            for place, histogram in zip(to.tolist(), block.histograms, strict=True):
                histograms[place] = histogram
    series = np.repeat(np.arange(len(places)), np.diff(offsets))
    if not ((at_ms[1:] >= at_ms[:-1]) | (series[1:] != series[:-1])).all():  # one that has both kinds of samples
        order = np.lexsort((at_ms, series))
        at_ms, values = at_ms[order], values[order]
        start_ms = None if start_ms is None else start_ms[order]
        histograms = None if histograms is None else [histograms[place] for place in order.tolist()]
    return SeriesBlock(list(places), offsets, at_ms, values, start_ms, histograms)
