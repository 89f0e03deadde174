"""Pieces of a block that is there as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from trimtab.store.metrics.arrays import I64
from trimtab.store.metrics.block import METRIC_NAME, Labels, SeriesBlock

KINDS = frozenset(("__type__", "__unit__"))
"""Labels that say, besides the name, what a metric is."""


class Whole:
    """See `Pieces`."""

    def __init__(self, block: SeriesBlock) -> None:
        self._block = block

    @property
    def labels(self) -> Sequence[Labels]:
        """See `Pieces.labels`."""
        return self._block.labels

    @property
    def series_count(self) -> int:
        """See `Pieces.series_count`."""
        return len(self._block.labels)

    @property
    def samples_count(self) -> int:
        """See `Pieces.samples_count`."""
        return len(self._block.at_ms)

    @property
    def is_divisible(self) -> bool:
        """See `Pieces.is_divisible`."""
        return self._block.histograms is None

    @property
    def metric(self) -> str | None:
        """See `Pieces.metric`."""
        names = set()
        for labels in self._block.labels:
            if any(name in KINDS for name, _ in labels):
                return None
            names.add(next((value for name, value in labels if name == METRIC_NAME), ""))
        return names.pop() if len(names) == 1 else None

    def whole(self) -> SeriesBlock:
        """See `Pieces.whole`."""
        return self._block

    def pieces(self, samples_count: int) -> Iterator[tuple[int, SeriesBlock]]:
        """See `Pieces.pieces`."""
        block = self._block
        for first, end in ranges(block.offsets, samples_count):
            low, high = int(block.offsets[first]), int(block.offsets[end])
            starts = None if block.start_ms is None else block.start_ms[low:high]
            offsets = block.offsets[first : end + 1] - low
            yield first, SeriesBlock([], offsets, block.at_ms[low:high], block.values[low:high], starts, None)

    def groups(self, names: frozenset[str], *, is_without: bool) -> tuple[Sequence[Labels], I64]:
        """See `Pieces.groups`."""
        return groups_of(self._block.labels, names, is_without=is_without)


def ranges(offsets: I64, samples_count: int) -> Iterator[tuple[int, int]]:
    """Series `[first, end)` with about so many samples each time, and one series at least.

    >>> list(ranges(np.array([0, 3, 6, 20, 21]), 6))
    [(0, 2), (2, 3), (3, 4)]
    """
    first, count = 0, len(offsets) - 1
    while first < count:
        end = int(np.searchsorted(offsets, offsets[first] + samples_count, side="right")) - 1
        end = min(max(end, first + 1), count)
        yield first, end
        first = end


def groups_of(series: Sequence[Labels], names: frozenset[str], *, is_without: bool) -> tuple[list[Labels], I64]:
    """As `Pieces.groups`, of any labels.

    >>> series = [(("a", "1"), ("b", "2")), (("a", "1"), ("b", "3"))]
    >>> labels, numbers = groups_of(series, frozenset("a"), is_without=False)
    >>> labels, numbers.tolist()
    ([(('a', '1'),)], [0, 0])
    """
    if not names and not is_without:
        return [()] if series else [], np.zeros(len(series), np.int64)
    groups: dict[Labels, int] = {}
    numbers = [
        groups.setdefault(tuple([pair for pair in labels if (pair[0] in names) != is_without]), len(groups))
        for labels in series
    ]
    return list(groups), np.array(numbers, np.int64)
