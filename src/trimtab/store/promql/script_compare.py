"""Whether an answer is what a test script expects, with the tolerance that Prometheus allows (a millionth)."""

from __future__ import annotations

import math
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from trimtab.store.metrics.block import STALE_BITS, Labels
from trimtab.store.promql.histogram import FloatHistogram
from trimtab.store.promql.histogram_notation import number_text, text_of
from trimtab.store.promql.script import Eval
from trimtab.store.promql.script_series import SeriesValue

TOLERANCE_RATIO = 1e-6

Value = float | FloatHistogram


@dataclass(frozen=True, slots=True)
class Row:
    """A series of an answer; `points` are in order of time."""

    labels: Labels
    points: tuple[tuple[int, Value], ...]


def vector_difference(command: Eval, rows: Sequence[Row]) -> str | None:
    """Where an instant vector (one point a row) differs; None: it does not."""
    if command.number is not None:
        return f"expected the scalar {number_text(command.number)}, but got a vector {_several(rows)}"
    expected = {series.labels: (place, series.values) for place, series in enumerate(command.series)}
    for place, row in enumerate(rows):
        if row.labels not in expected:
            return f"unexpected {labels_text(row.labels)} in the result, with {_several_points(row)}"
        wanted_place, values = expected.pop(row.labels)
        if command.is_ordered and wanted_place != place:
            return f"{labels_text(row.labels)} should stand at place {wanted_place + 1}, but stands at {place + 1}"
        wrong = _value_difference(values[0], row.points[0][1])
        if wrong:
            return f"{labels_text(row.labels)}: {wrong}"
    return _missing(list(expected))


def matrix_difference(command: Eval, rows: Sequence[Row]) -> str | None:
    """Where series over time differ from what is expected from `start_ms` to `end_ms`; None: they do not."""
    if command.number is not None:
        return f"expected the scalar {number_text(command.number)}, but got a matrix {_several(rows)}"
    expected = {series.labels: series.values for series in command.series}
    for row in rows:
        if row.labels not in expected:
            return f"unexpected {labels_text(row.labels)} in the result, with {_several_points(row)}"
        wanted = [
            (command.start_ms + index * command.step_ms, value)
            for index, value in enumerate(expected.pop(row.labels))
            if value is not None
        ]
        if wanted and wanted[-1][0] > command.end_ms:
            return f"{len(wanted)} points are expected of {labels_text(row.labels)}: more than the range can have"
        where = f"{labels_text(row.labels)} is {_several_points(row)}"
        if [at_ms for at_ms, _ in wanted] != [at_ms for at_ms, _ in row.points]:
            return f"{where}; expected points at {[at_ms for at_ms, _ in wanted]} ms"
        for (at_ms, value), (_, seen) in zip(wanted, row.points, strict=True):
            wrong = _value_difference(value, seen)
            if wrong:
                return f"{where}; at {at_ms} ms: {wrong}"
    return _missing(list(expected))


def scalar_difference(command: Eval, number: float) -> str | None:
    """Where a scalar differs; None: it does not."""
    if command.number is None:
        return f"expected a vector or a matrix, but got the scalar {number_text(number)}"
    if almost_equal(command.number, number):
        return None
    return f"expected {number_text(command.number)}, but got {number_text(number)}"


def almost_equal(left: float, right: float) -> bool:
    """Equal but for a millionth; NaN equals NaN, and the end of a series only another one.

    >>> almost_equal(1.0, 1.0000001), almost_equal(1.0, 1.00001), almost_equal(float("nan"), float("nan"))
    (True, False, True)
    """
    if math.isnan(left) and math.isnan(right):
        return _is_stale(left) == _is_stale(right)
    if left == right:
        return True
    together, apart = abs(left) + abs(right), abs(left - right)
    if left == 0 or right == 0 or together < sys.float_info.min:
        return apart < TOLERANCE_RATIO * sys.float_info.min
    return apart / min(together, sys.float_info.max) < TOLERANCE_RATIO


def almost_equal_histograms(expected: FloatHistogram, seen: FloatHistogram, *, with_hint: bool) -> bool:
    """The same layout without empty buckets, and counts that are almost equal."""
    expected, seen = expected.compacted(), seen.compacted()
    layout = (expected.schema, expected.zero_threshold, expected.positive_spans, expected.negative_spans)
    if layout != (seen.schema, seen.zero_threshold, seen.positive_spans, seen.negative_spans):
        return False
    if expected.has_custom_buckets and expected.custom_values != seen.custom_values:
        return False
    if with_hint and expected.counter_reset_hint != seen.counter_reset_hint:
        return False
    numbers, others = (
        (one.count, one.sum, one.zero_count, *one.positive_buckets, *one.negative_buckets) for one in (expected, seen)
    )
    return all(almost_equal(number, other) for number, other in zip(numbers, others, strict=True))


def labels_text(labels: Labels) -> str:
    """Labels as a query would write them.

    >>> labels_text((("__name__", "up"), ("job", "shop")))
    'up{job="shop"}'
    """
    name = "".join(value for key, value in labels if key == "__name__")
    rest = ", ".join(f'{key}="{value}"' for key, value in labels if key != "__name__")
    return name + (f"{{{rest}}}" if rest or not name else "")


def _value_difference(expected: SeriesValue | None, seen: Value) -> str | None:
    if expected is None:
        return f"expected nothing, but got {_text(seen)}"
    if expected.histogram is None:
        if isinstance(seen, FloatHistogram) or not almost_equal(expected.number, seen):
            return f"expected {number_text(expected.number)}, but got {_text(seen)}"
        return None
    if isinstance(seen, FloatHistogram) and almost_equal_histograms(
        expected.histogram, seen, with_hint=expected.names_hint
    ):
        return None
    return f"expected {text_of(expected.histogram)}, but got {_text(seen)}"


def _text(value: Value) -> str:
    return text_of(value) if isinstance(value, FloatHistogram) else number_text(value)


def _several_points(row: Row) -> str:
    points = [f"{_text(value)} @{at_ms}" for at_ms, value in row.points[:20]]
    return "[" + ", ".join(points) + (", …" if len(row.points) > 20 else "") + "]"


def _several(rows: Sequence[Row]) -> str:
    return "; ".join(f"{labels_text(row.labels)} {_several_points(row)}" for row in rows[:5]) or "without series"


def _missing(labels: Sequence[Labels]) -> str | None:
    return f"{labels_text(labels[0])} is not in the result" if labels else None


def _is_stale(value: float) -> bool:
    return bool(struct.pack("<d", value) == struct.pack("<Q", STALE_BITS))
