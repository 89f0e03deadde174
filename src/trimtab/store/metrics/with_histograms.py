"""Numbers and native histograms of the same series, put together in order of time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trimtab.store.metrics.arrays import I64
from trimtab.store.metrics.histogram_codec import encoded
from trimtab.store.metrics.hot_histograms import FoundHistograms
from trimtab.store.promql.histogram import FloatHistogram


def with_histograms(
    offsets: I64, at_ms: I64, bits: I64, found: Sequence[FoundHistograms]
) -> tuple[I64, I64, I64, list[FloatHistogram | None]]:
    """The same series with their histograms; where there are both at one time, the histogram counts.

    Of several at one time the one with the most observations counts, whichever came first.
    """
    series_count = len(offsets) - 1
    values = [value for one in found for value in one.values]
    if not values:
        return offsets, at_ms, bits, [None] * len(at_ms)
    series = np.concatenate([np.repeat(np.arange(series_count), np.diff(offsets)), *(one.series for one in found)])
    places = np.concatenate([np.full(len(at_ms), -1, np.int64), np.arange(len(values))])
    all_at = np.concatenate([at_ms, *(one.at_ms for one in found)])
    all_bits = np.concatenate([bits, np.zeros(len(values), np.int64)])
    order = np.lexsort((-places, all_at, series))
    series, places, all_at, all_bits = series[order], places[order], all_at[order], all_bits[order]
    first = np.ones(len(series), np.bool_)
    first[1:] = (series[1:] != series[:-1]) | (all_at[1:] != all_at[:-1])
    chosen = places[first]
    groups = np.cumsum(first) - 1
    for row in np.flatnonzero(~first & (places >= 0)).tolist():  # two senders at one moment
        group = int(groups[row])
        if counts_over(values[places[row]], values[chosen[group]]):
            chosen[group] = places[row]
    objects = [values[place] if place >= 0 else None for place in chosen.tolist()]
    new_offsets = np.searchsorted(series[first], np.arange(series_count + 1)).astype(np.int64)
    return new_offsets, all_at[first], all_bits[first], objects


def counts_over(one: FloatHistogram, other: FloatHistogram) -> bool:
    """Whether one counts, of two that a series has at one time."""
    return (one.count, encoded(one)) > (other.count, encoded(other))
