"""The samples that a test script loaded, as a source of queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from trimtab.model.errors import InputError
from trimtab.store.metrics.block import Labels, Matcher, SeriesBlock
from trimtab.store.metrics.matching import compile_pattern
from trimtab.store.promql.histogram import FloatHistogram
from trimtab.store.promql.histogram_classic import ClassicHistograms
from trimtab.store.promql.histogram_reset import is_reset
from trimtab.store.promql.script import Load

if TYPE_CHECKING:
    import re2


@dataclass(slots=True)
class _Samples:
    at_ms: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    start_ms: list[int] = field(default_factory=list)
    histograms: list[FloatHistogram | None] = field(default_factory=list)


class ScriptSource:
    """Series in memory; each `load` adds to them, in order of time."""

    def __init__(self) -> None:
        self._series: dict[Labels, _Samples] = {}

    def load(self, load: Load) -> None:
        """Take what a `load` command says; of a series that it has twice, the last line counts."""
        classic = ClassicHistograms()
        series = {labels: (values, starts) for labels, values, starts in load.series}
        for labels, (values, starts) in series.items():
            for index, value in enumerate(values):
                if value is None:
                    continue
                at_ms = index * load.step_ms
                before_ms = starts[index] if starts else None
                start_ms = 0 if before_ms is None else at_ms + before_ms
                self._append(labels, at_ms, value.number, start_ms, value.histogram)
                if load.makes_native and value.histogram is None:
                    classic.collect(labels, at_ms, value.number)
        for labels, histograms in classic.native().items():
            for at_ms, histogram in histograms.items():
                self._append(labels, at_ms, 0.0, 0, histogram)

    def clear(self) -> None:
        """Forget all series."""
        self._series.clear()

    def select(self, alternatives: Sequence[Sequence[Matcher]], from_ms: int, to_ms: int) -> SeriesBlock:
        """As `Source` says."""
        chosen: list[tuple[Labels, _Samples, int, int]] = []
        compiled = [
            [(m, compile_pattern(m.value) if "~" in m.op else None) for m in matchers] for matchers in alternatives
        ]
        for labels, samples in sorted(self._series.items()):
            if any(all(_fits(labels, m, pattern) for m, pattern in matchers) for matchers in compiled):
                first, after = np.searchsorted(samples.at_ms, [from_ms, to_ms + 1]).tolist()
                if after > first:
                    chosen.append((labels, samples, first, after))
        offsets = np.concatenate(([0], np.cumsum([after - first for _, _, first, after in chosen]))).astype(np.int64)
        at_ms = [at for _, samples, first, after in chosen for at in samples.at_ms[first:after]]
        values = [value for _, samples, first, after in chosen for value in samples.values[first:after]]
        starts = [start for _, samples, first, after in chosen for start in samples.start_ms[first:after]]
        histograms = [one for _, samples, first, after in chosen for one in samples.histograms[first:after]]
        return SeriesBlock(
            labels=[labels for labels, _, _, _ in chosen],
            offsets=offsets,
            at_ms=np.array(at_ms, np.int64),
            values=np.array(values, np.float64),
            start_ms=np.array(starts, np.int64) if any(starts) else None,
            histograms=histograms if any(one is not None for one in histograms) else None,
        )

    def _append(
        self, labels: Labels, at_ms: int, value: float, start_ms: int, histogram: FloatHistogram | None
    ) -> None:
        samples = self._series.setdefault(labels, _Samples())
        if samples.at_ms and at_ms <= samples.at_ms[-1]:
            if at_ms == samples.at_ms[-1]:
                raise InputError(f"a second sample of {labels} at {at_ms} ms")
            raise InputError(f"a sample of {labels} at {at_ms} ms, before the last one ({samples.at_ms[-1]} ms)")
        if histogram is not None:
            histogram = as_stored(histogram, samples.histograms[-1] if samples.histograms else None)
        samples.at_ms.append(at_ms)
        samples.values.append(value)
        samples.start_ms.append(start_ms)
        samples.histograms.append(histogram)


def as_stored(histogram: FloatHistogram, before: FloatHistogram | None) -> FloatHistogram:
    """The hint that Prometheus' store gives back: of a counter, `not_reset` where the same layout went on.

    A gauge stays one. `before` is the sample before; None where there was none, or a number.

    >>> one = FloatHistogram(count=1.0)
    >>> as_stored(one, None).counter_reset_hint, as_stored(one, one).counter_reset_hint
    ('unknown', 'not_reset')
    """
    if histogram.counter_reset_hint == "gauge":
        return histogram
    goes_on = (
        before is not None
        and before.counter_reset_hint != "gauge"
        and histogram.counter_reset_hint != "reset"
        and (histogram.schema, histogram.zero_threshold) == (before.schema, before.zero_threshold)
        and histogram.custom_values == before.custom_values
        and not is_reset(histogram.with_hint("unknown"), before)
    )
    return histogram.with_hint("not_reset" if goes_on else "unknown")


def _fits(labels: Labels, matcher: Matcher, pattern: re2._Regexp[str] | None) -> bool:
    value = dict(labels).get(matcher.name, "")
    is_same = value == matcher.value if pattern is None else pattern.fullmatch(value) is not None
    return is_same == (matcher.op in ("=", "=~"))
