"""Selectors and functions of ranges over what a selection found, some series at a time.

What a piece gives is either kept (`whole`) or added to something smaller right away (`parts`: an aggregation), so that
neither all samples nor a number for every series and step have to be in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from trimtab.store.metrics.block import Pieces, SeriesBlock
from trimtab.store.promql import rate_kernels, select_kernels, window_kernels
from trimtab.store.promql.evaluation import Evaluation
from trimtab.store.promql.syntax import Call, Matrix, Node, Selector, unwrapped
from trimtab.store.promql.vector import Bools, Floats, Ints, Steps
from trimtab.store.promql.windows import FEW_SAMPLES, Windows, reference_ms, since_ms, without_stale

PIECE_SAMPLES = 131_072
"""Times and values of so many samples are 2 MiB."""
EXTRAPOLATED = ("rate", "increase", "delta")
NEIGHBOURS = ("irate", "idelta", "resets", "changes")
OVER_TIME = tuple(name for name in window_kernels.OPERATIONS if name != "absent_over_time")
NAMES = frozenset((*EXTRAPOLATED, *NEIGHBOURS, *OVER_TIME))
LAST_SAMPLES = "answered from"


def walk_windows(name: str, windows: Windows, out: Floats, present: Bools, has_overlap: Bools) -> None:
    """One of `NAMES` over windows of numbers; `has_overlap` tells of series whose starts overlap with samples."""
    block = windows.block
    samples, ends = (block.offsets, block.at_ms, block.values), windows.ends_ms
    range_ms, is_left_open = windows.range_ms, windows.is_left_open
    if name in EXTRAPOLATED:
        is_counter, is_rate = name != "delta", name == "rate"
        if is_counter and len(windows.start_ms):
            starts = windows.start_ms
            rate_kernels.extrapolated_from_starts(
                *samples, starts, ends, range_ms, is_left_open, is_rate, out, present, has_overlap
            )
        else:
            rate_kernels.extrapolated(*samples, ends, range_ms, is_left_open, is_counter, is_rate, out, present)
    elif name in NEIGHBOURS:
        kernel = rate_kernels.instant if name in ("irate", "idelta") else rate_kernels.counted_pairs
        is_of_counters = name in ("irate", "resets")
        kernel(*samples, windows.start_ms, ends, range_ms, is_left_open, is_of_counters, out, present)
    else:
        operation = window_kernels.OPERATIONS[name]
        window_kernels.over_time(*samples, ends, range_ms, is_left_open, operation, out, present)


@dataclass(slots=True)
class Walk:
    """A selector (`name` is empty) or a function of a range, over pieces."""

    name: str
    node: Node
    pieces: Pieces
    times_ms: Ints
    range_ms: int
    """The look-back of a selector."""
    is_left_open: bool
    overlaps: list[int] = field(default_factory=list)
    """Series whose starts overlap with samples."""

    def whole(self, evaluation: Evaluation) -> tuple[Floats, Bools]:
        """Numbers of all series, and where there are any."""
        shape = self.pieces.series_count, len(self.times_ms)
        evaluation.hold(shape[0] * shape[1])
        values, present = np.empty(shape), np.empty(shape, dtype=np.bool_)
        for first, block in self._blocks(evaluation):
            end = first + len(block.offsets) - 1
            self._walk(first, block, values[first:end], present[first:end])
        return values, present

    def parts(self, evaluation: Evaluation) -> Iterator[tuple[int, Floats, Bools]]:
        """The first series of each piece, its numbers, and where there are any; good until the next."""
        room = np.empty((0, 0)), np.empty((0, 0), dtype=np.bool_)
        held = evaluation.held
        for first, block in self._blocks(evaluation):
            count = len(block.offsets) - 1
            if len(room[0]) < count:
                shape = count, len(self.times_ms)
                evaluation.held = held
                evaluation.hold(shape[0] * shape[1])
                room = np.empty(shape), np.empty(shape, dtype=np.bool_)
            values, present = room[0][:count], room[1][:count]
            self._walk(first, block, values, present)
            yield first, values, present
        evaluation.held = held

    def _blocks(self, evaluation: Evaluation) -> Iterator[tuple[int, SeriesBlock]]:
        """Pieces whose samples and numbers are not many."""
        samples_a_series = self.pieces.samples_count / max(1, self.pieces.series_count)
        series = max(1, int(PIECE_SAMPLES / max(1.0, samples_a_series, len(self.times_ms))))
        for piece in self.pieces.pieces(max(1, int(series * samples_a_series))):
            evaluation.check()
            yield piece

    def _walk(self, first: int, block: SeriesBlock, values: Floats, present: Bools) -> None:
        if not self.name:
            bits = block.values.view(np.int64)
            samples = block.offsets, block.at_ms, block.values, bits
            select_kernels.values_at(*samples, self.times_ms, self.range_ms, self.is_left_open, values, present)
            return
        windows = Windows(self.node, without_stale(block), self.times_ms, self.range_ms, self.is_left_open)
        has_overlap = np.zeros(len(block.offsets) - 1, dtype=np.bool_)
        walk_windows(self.name, windows, values, present, has_overlap)
        if self.name in EXTRAPOLATED:
            self.overlaps += (first + np.flatnonzero(has_overlap)).tolist()


def walk_of(evaluation: Evaluation, node: Node, steps: Steps) -> Walk | None:
    """The walk that evaluates a node; None where it takes more than numbers of samples."""
    node = unwrapped(node)
    if isinstance(node, Selector):
        selector, name, range_ms, how = node, "", evaluation.options.lookback_ms, LAST_SAMPLES
        inside: Node = node
    elif isinstance(node, Call) and node.name in NAMES and isinstance(matrix := unwrapped(node.arguments[0]), Matrix):
        selector, name, range_ms, how = matrix.selector, node.name, matrix.range_ms, FEW_SAMPLES
        inside = node.arguments[0]
    else:
        return None
    if selector.extension:
        return None
    times = reference_ms(evaluation, selector, steps)
    since, until = since_ms(evaluation, times, range_ms), int(times[-1])
    if evaluation.rolled.border(selector.alternatives, since, until) is not None:
        return None
    pieces = evaluation.open(selector.alternatives, since, until, how, unwrapped(inside).start)
    if not pieces.is_divisible:
        return None
    return Walk(name, inside, pieces, times, range_ms, evaluation.options.is_left_open)
