"""Numbers and native histograms of the same series, put together in order of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from trimtab.store.metrics.arrays import I32, I64, U64
from trimtab.store.metrics.hot_histograms import At
from trimtab.store.promql.histogram import FloatHistogram


def with_histograms(
    slots: I32,
    ids: U64,
    offsets: I64,
    at_ms: I64,
    bits: I64,
    cold: Sequence[tuple[int, int, FloatHistogram]],
    hot: Mapping[int, Sequence[At]],
) -> tuple[I64, I64, I64, list[FloatHistogram | None]]:
    """The same series with their histograms; where there are both at one time, the histogram counts.

    `cold` are (id, time, histogram); of those at one time the last counts.
    """
    series_of_id = {id_: number for number, id_ in enumerate(ids.tolist())}
    found = {(series_of_id[id_], at): histogram for id_, at, histogram in cold if id_ in series_of_id}
    for number, slot in enumerate(slots.tolist()):
        for at, histogram in hot.get(slot, ()):
            found[number, at] = histogram
    if not found:
        return offsets, at_ms, bits, [None] * len(at_ms)
    keys = np.array(list(found), np.int64).reshape(-1, 2)
    series = np.concatenate([np.repeat(np.arange(len(slots)), np.diff(offsets)), keys[:, 0]])
    places = np.concatenate([np.full(len(at_ms), -1, np.int64), np.arange(len(keys))])
    all_at = np.concatenate([at_ms, keys[:, 1]])
    all_bits = np.concatenate([bits, np.zeros(len(keys), np.int64)])
    order = np.lexsort((-places, all_at, series))
    series, places, all_at, all_bits = series[order], places[order], all_at[order], all_bits[order]
    first = np.ones(len(series), np.bool_)
    first[1:] = (series[1:] != series[:-1]) | (all_at[1:] != all_at[:-1])
    histograms = list(found.values())
    objects = [histograms[place] if place >= 0 else None for place in places[first].tolist()]
    new_offsets = np.searchsorted(series[first], np.arange(len(slots) + 1)).astype(np.int64)
    return new_offsets, all_at[first], all_bits[first], objects
