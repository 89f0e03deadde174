"""`count_values`: how many series have each value; the value becomes a label."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from trimtab.store.metrics.block import Labels
from trimtab.store.promql.evaluation import Evaluation
from trimtab.store.promql.numbers import plain
from trimtab.store.promql.vector import Vector, empty


def count_values(evaluation: Evaluation, vector: Vector, reduced: Callable[[Labels], Labels], name: str) -> Vector:
    """A series for each group and value; Python sees each value of a series once, not each sample."""
    if not vector.labels:
        return empty(vector.present.shape[1])
    rows: dict[Labels, int] = {}
    series, steps = np.nonzero(vector.present)
    texts, codes = _texts(vector)
    evaluation.check()
    pairs, inverse = np.unique(series * len(texts) + codes, return_inverse=True)
    homes = np.empty(len(pairs), dtype=np.int64)
    for place, pair in enumerate(pairs.tolist()):
        row, code = divmod(pair, len(texts))
        labels = {**dict(vector.labels[row]), name: texts[code]}
        homes[place] = rows.setdefault(reduced(tuple(sorted(labels.items()))), len(rows))
    evaluation.hold(len(rows) * vector.present.shape[1])
    counts = np.zeros((len(rows), vector.present.shape[1]))
    np.add.at(counts, (homes[inverse], steps), 1.0)
    return Vector(list(rows), counts, counts > 0)


def _texts(vector: Vector) -> tuple[list[str], np.ndarray[tuple[int, ...], np.dtype[np.int64]]]:
    """All values as text, and which one each sample has."""
    bits, codes = np.unique(vector.values[vector.present].view(np.int64), return_inverse=True)
    texts = [plain(value) for value in bits.view(np.float64).tolist()]
    if vector.histograms is not None:
        from trimtab.store.promql.histogram import FloatHistogram
        from trimtab.store.promql.histogram_notation import display_of

        known: dict[str, int] = {}
        for place, histogram in enumerate(vector.histograms[vector.present].tolist()):
            if isinstance(histogram, FloatHistogram):
                text = display_of(histogram)
                if text not in known:
                    known[text] = len(texts)
                    texts.append(text)
                codes[place] = known[text]
    return texts, codes
