"""Answers of queries as JSON, made for all points at once by kernels (`text_kernels`) in one buffer.

Numbers are the shortest text that reads back as the same double, as Prometheus writes them: without an exponent from
1e-6 up to 1e21. What is long is a list of parts, which are never joined.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import msgspec
import numpy as np
import numpy.typing as npt

from trimtab.store.metrics.block import STALE_BITS, Labels, SeriesBlock
from trimtab.store.metrics.contract import ExemplarsOfSeries
from trimtab.store.promql.histogram import FloatHistogram
from trimtab.store.promql.histogram_buckets import all_buckets

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Part = bytes | memoryview
_UPPER, _LOWER, _BOTH = 0, 1, 3
"""Which bounds of a bucket belong to it, in the numbers of the API."""
_TIME_BYTES_MAX = 21
_POINT_BYTES = 7
"""Of a point beside its numbers: `[,""],` and one to spare."""


def value_texts(values: Floats) -> list[bytes]:
    """Each number as text.

    >>> value_texts(np.array([1.0, 0.1, 12345678901.25, 1e16, 1e21, 1e-7, np.nan, -np.inf]))
    [b'1', b'0.1', b'12345678901.25', b'10000000000000000', b'1e+21', b'1e-7', b'NaN', b'-Inf']
    """
    from trimtab.api.prometheus.text_kernels import NUMBER_BYTES_MAX, numbers

    values = np.ascontiguousarray(values)
    text, offsets = np.empty(len(values) * NUMBER_BYTES_MAX, np.uint8), np.empty(len(values) + 1, np.int64)
    numbers(values, values.view(np.uint64), text, offsets)
    return _cut(text, offsets)


def value_text_of(value: float) -> str:
    """One number as text."""
    return value_texts(np.array([value]))[0].decode()


def time_texts(at_ms: Ints) -> list[bytes]:
    """Unix seconds; thousandths where there are any.

    >>> time_texts(np.array([1435781430781, 1435781430000, -1500]))
    [b'1435781430.781', b'1435781430', b'-1.500']
    """
    return _cut(*_times(at_ms))


def _times(at_ms: Ints) -> tuple[npt.NDArray[np.uint8], Ints]:
    from trimtab.api.prometheus.text_kernels import moments

    text, offsets = np.empty(len(at_ms) * _TIME_BYTES_MAX, np.uint8), np.empty(len(at_ms) + 1, np.int64)
    moments(np.ascontiguousarray(at_ms), text, offsets)
    return text, offsets


def _cut(text: npt.NDArray[np.uint8], offsets: Ints) -> list[bytes]:
    whole = text[: int(offsets[-1])].tobytes()
    places = offsets.tolist()
    return [whole[first:end] for first, end in pairwise(places)]


def _point_rows(at_ms: Ints, first_times: Ints, ends: Ints, values: Floats, present: Flags) -> list[memoryview]:
    """`[t,"v"],[t,"v"],…` of each row: see `points`."""
    from trimtab.api.prometheus.text_kernels import NUMBER_BYTES_MAX, points

    times, time_offsets = _times(at_ms)
    time_bytes_max = int(np.diff(time_offsets).max(initial=0))
    room = np.empty(int(ends[-1]) * (time_bytes_max + NUMBER_BYTES_MAX + _POINT_BYTES) if len(ends) else 0, np.uint8)
    firsts, lasts = np.empty(len(ends), np.int64), np.empty(len(ends), np.int64)
    points(times, time_offsets, first_times, ends, values, values.view(np.uint64), present, room, firsts, lasts)
    text = room.data
    return [text[first:last] for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True)]


def labels_json(labels: Labels) -> bytes:
    """One series' labels as an object."""
    return msgspec.json.encode(dict(labels))


def matrix_json(
    labels: Sequence[Labels],
    at_ms: Ints,
    values: Floats,
    present: Flags,
    histograms: npt.NDArray[np.object_] | None = None,
) -> list[Part]:
    """Series over steps: `values[s, t]` where `present[s, t]`; series without any point are left out.

    >>> b"".join(matrix_json([(("a", "b"),)], np.array([0, 1000]), np.array([[1.0, 2.0]]), np.array([[True, True]])))
    b'[{"metric":{"a":"b"},"values":[[0,"1"],[1,"2"]]}]'
    """
    is_float = present if histograms is None else present & (histograms == None)  # noqa: E711 - cell by cell
    series, steps = is_float.shape
    ends = np.arange(1, series + 1) * steps
    flat = np.ascontiguousarray(values).ravel(), np.ascontiguousarray(is_float).ravel()
    rows = _point_rows(at_ms, np.zeros(series, np.int64), ends, *flat)
    return _rows(labels, rows, _histogram_rows(at_ms, present, histograms))


def block_json(block: SeriesBlock) -> list[Part]:
    """Raw samples, as `metric[5m]` asks for them; without the marks that say that a series ended."""
    alive = block.values.view(np.uint64) != np.uint64(STALE_BITS)
    if block.histograms is not None:
        told = np.array([one is not None for one in block.histograms], dtype=bool)
        alive = alive & ~told
    owner = np.repeat(np.arange(len(block.labels)), np.diff(block.offsets))
    values = np.ascontiguousarray(block.values)
    rows = _point_rows(block.at_ms, block.offsets[:-1].copy(), block.offsets[1:].copy(), values, alive)
    return _rows(block.labels, rows, _block_histogram_rows(block, owner))


def _rows(labels: Sequence[Labels], rows: Sequence[memoryview], others: dict[int, bytes]) -> list[Part]:
    parts: list[Part] = [b"["]
    for number, text in enumerate(rows):
        told = b',"histograms":[' + others[number] + b"]" if number in others else b""
        if not text and not told:
            continue
        before = b'{"metric":' if len(parts) == 1 else b',{"metric":'
        if text:
            parts += (before + labels_json(labels[number]) + b',"values":[', text, b"]" + told + b"}")
        else:
            parts.append(before + labels_json(labels[number]) + told + b"}")
    parts.append(b"]")
    return parts


def _histogram_rows(at_ms: Ints, present: Flags, histograms: npt.NDArray[np.object_] | None) -> dict[int, bytes]:
    if histograms is None:
        return {}
    rows: dict[int, list[bytes]] = {}
    for number, step in np.argwhere(present & (histograms != None)).tolist():  # noqa: E711 - cell by cell
        rows.setdefault(number, []).append(_histogram_point(int(at_ms[step]), histograms[number, step]))
    return {number: b",".join(points) for number, points in rows.items()}


def _block_histogram_rows(block: SeriesBlock, owner: npt.NDArray[np.intp]) -> dict[int, bytes]:
    rows: dict[int, list[bytes]] = {}
    for number, one in enumerate(block.histograms or ()):
        if one is not None:
            rows.setdefault(int(owner[number]), []).append(_histogram_point(int(block.at_ms[number]), one))
    return {number: b",".join(points) for number, points in rows.items()}


def histogram_value(histogram: FloatHistogram) -> dict[str, object]:
    """A native histogram as the API has it; a bucket is which of its bounds belong to it, both bounds, its count.

    >>> histogram_value(FloatHistogram(count=3.0, sum=4.5, positive_spans=((0, 2),), positive_buckets=(1.0, 2.0)))
    {'count': '3', 'sum': '4.5', 'buckets': [[0, '0.5', '1', '1'], [0, '1', '2', '2']]}
    """
    told: dict[str, object] = {"count": value_text_of(histogram.count), "sum": value_text_of(histogram.sum)}
    rows: list[list[object]] = []
    for bucket in all_buckets(histogram):
        if bucket[2] == 0:
            continue
        if bucket.lower < 0 < bucket.upper and not histogram.has_custom_buckets:
            inside = _BOTH
        else:
            inside = _LOWER if bucket.upper <= 0 and not histogram.has_custom_buckets else _UPPER
        rows.append([inside, *(value_text_of(number) for number in bucket)])
    if rows:
        told["buckets"] = rows
    return told


def _histogram_point(at_ms: int, histogram: FloatHistogram) -> bytes:
    return b"[%s,%s]" % (
        time_texts(np.array([at_ms]))[0],
        msgspec.json.encode(histogram_value(histogram)),
    )


def vector_json(
    labels: Sequence[Labels],
    at_ms: int,
    values: Floats,
    present: Flags,
    histograms: npt.NDArray[np.object_] | None = None,
) -> bytes:
    """One value for each series at one moment.

    >>> vector_json([(("a", "b"),)], 1500, np.array([7.0]), np.array([True]))
    b'[{"metric":{"a":"b"},"value":[1.500,"7"]}]'
    """
    moment = time_texts(np.array([at_ms]))[0]
    texts = value_texts(values)
    parts = []
    for number in np.flatnonzero(present).tolist():
        histogram = None if histograms is None else histograms[number]
        told = (
            b'"value":[%s,"%s"]' % (moment, texts[number])
            if histogram is None
            else b'"histogram":' + _histogram_point(at_ms, histogram)
        )
        parts.append(b'{"metric":' + labels_json(labels[number]) + b"," + told + b"}")
    return b"[" + b",".join(parts) + b"]"


def scalar_json(at_ms: int, text: str) -> bytes:
    """A scalar or a string.

    >>> scalar_json(1000, "1.5")
    b'[1,"1.5"]'
    """
    return b"[%s,%s]" % (time_texts(np.array([at_ms]))[0], msgspec.json.encode(text))


def exemplars_json(found: Sequence[ExemplarsOfSeries]) -> bytes:
    """Exemplars, series by series."""
    rows = [
        b'{"seriesLabels":%s,"exemplars":[%s]}'
        % (
            labels_json(one.series),
            b",".join(
                b'{"labels":%s,"value":"%s","timestamp":%s}'
                % (
                    labels_json(exemplar.labels),
                    value_text_of(exemplar.value).encode(),
                    time_texts(np.array([exemplar.at_ms]))[0],
                )
                for exemplar in one.exemplars
            ),
        )
        for one in found
    ]
    return b"[" + b",".join(rows) + b"]"
