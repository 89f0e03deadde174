"""Classic histograms (a series for each `le`, `_count`, `_sum`) as native ones with custom buckets."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise

from trimtab.model.errors import InputError
from trimtab.store.metrics.block import METRIC_NAME, Labels
from trimtab.store.promql.histogram import CUSTOM_BUCKETS_SCHEMA, FloatHistogram, spans_of

_SUFFIXES = ("_bucket", "_count", "_sum")


def native_of(buckets: Mapping[float, float], count: float | None, total: float) -> FloatHistogram:
    """A histogram of cumulative counts by `le`; without a count, that of the greatest `le` is it.

    >>> native_of({1.0: 2.0, math.inf: 5.0}, None, 7.0).positive
    {0: 2.0, 1: 3.0}
    """
    bounds = sorted(buckets)
    if count is None:
        count = buckets[bounds[-1]] if bounds else 0.0
    cumulative = [buckets[bound] for bound in bounds]
    if not bounds or bounds[-1] != math.inf:
        bounds.append(math.inf)
        cumulative.append(count)
    if cumulative[-1] != count:
        raise InputError(f"count mismatch: count={count} != le=+Inf count={cumulative[-1]}")
    if any(after < before for before, after in pairwise(cumulative)):
        raise InputError(f"counts are not cumulative: {cumulative}")
    spans, counts = spans_of(
        {i: value - (cumulative[i - 1] if i else 0.0) for i, value in enumerate(cumulative)},
    )
    return FloatHistogram(
        schema=CUSTOM_BUCKETS_SCHEMA,
        count=count,
        sum=total,
        positive_spans=spans,
        positive_buckets=counts,
        custom_values=tuple(bounds[:-1]),
    )


class ClassicHistograms:
    """Collects the samples of classic histograms, series by series, and gives the native ones."""

    def __init__(self) -> None:
        self._buckets: dict[Labels, dict[int, dict[float, float]]] = {}
        self._counts: dict[Labels, dict[int, float]] = {}
        self._sums: dict[Labels, dict[int, float]] = {}

    def collect(self, labels: Labels, at_ms: int, value: float) -> None:
        """A sample of any series; those that belong to no classic histogram are left aside."""
        named = dict(labels)
        name = named.get(METRIC_NAME, "")
        suffix = next((suffix for suffix in _SUFFIXES if name.endswith(suffix)), None)
        if suffix is None:
            return
        bound = _bound(named.pop("le", ""))
        named[METRIC_NAME] = name.removesuffix(suffix)
        base = tuple(sorted(named.items()))
        if suffix == "_bucket":
            if not math.isnan(bound):
                self._buckets.setdefault(base, {}).setdefault(at_ms, {}).setdefault(bound, value)
        else:
            (self._counts if suffix == "_count" else self._sums).setdefault(base, {})[at_ms] = value

    def native(self) -> dict[Labels, dict[int, FloatHistogram]]:
        """The histograms by labels and time."""
        result: dict[Labels, dict[int, FloatHistogram]] = {}
        for base in {**self._buckets, **self._counts, **self._sums}:
            buckets = self._buckets.get(base, {})
            counts, sums = self._counts.get(base, {}), self._sums.get(base, {})
            result[base] = {
                at_ms: native_of(buckets.get(at_ms, {}), counts.get(at_ms), sums.get(at_ms, 0.0))
                for at_ms in sorted({*buckets, *counts, *sums})
            }
        return result


def _bound(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
