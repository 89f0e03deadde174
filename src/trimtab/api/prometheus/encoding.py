"""Answers of queries as JSON, made for all points at once: Arrow turns numbers into text and joins them.

Numbers are the shortest text that reads back as the same double, as Prometheus writes them: without an exponent from
1e-6 up to 1e21.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from trimtab.store.metrics.block import STALE_BITS, Labels, SeriesBlock
from trimtab.store.metrics.contract import ExemplarsOfSeries
from trimtab.store.promql.histogram import FloatHistogram
from trimtab.store.promql.histogram_buckets import all_buckets

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
_WHOLE_MAX = 2.0**53
_PLAIN_MAX = 1e9
"""Arrow writes numbers beyond it with an exponent."""
_EXPONENT_FROM = 1e21
_UPPER, _LOWER, _BOTH = 0, 1, 3
"""Which bounds of a bucket belong to it, in the numbers of the API."""


def value_text(values: Floats) -> pa.Array:
    """Each number as text.

    >>> value_text(np.array([1.0, 0.1, 12345678901.25, 1e10, 1e16, 1e21, 1e-7, np.nan, np.inf, -np.inf])).to_pylist()
    ['1', '0.1', '12345678901.25', '10000000000', '10000000000000000', '1e+21', '1e-7', 'NaN', '+Inf', '-Inf']
    """
    size = np.abs(values)
    is_plain = size < _PLAIN_MAX
    if is_plain.all():
        return pa.array(values).cast(pa.string())
    is_whole = (size < _WHOLE_MAX) & (values == np.floor(values)) & ~is_plain
    rest = ~is_plain & ~is_whole
    text = pa.array(np.where(is_plain, values, 0.0)).cast(pa.string())
    if is_whole.any():
        whole = pa.array(np.where(is_whole, values, 0.0).astype(np.int64)).cast(pa.string())
        text = pc.if_else(pa.array(is_whole), whole, text)
    if rest.any():
        told = pa.array([_go_text(value) for value in values[rest].tolist()], pa.string())
        places = np.cumsum(rest) - 1
        text = pc.if_else(pa.array(rest), told.take(pa.array(np.maximum(places, 0))), text)
    return text


def value_text_of(value: float) -> str:
    """One number as text."""
    return str(value_text(np.array([value]))[0].as_py())


def _go_text(value: float) -> str:
    """What is neither small nor whole: few of all numbers."""
    if value != value:  # noqa: PLR0124 - NaN is the one number that differs from itself
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    if abs(value) >= _EXPONENT_FROM:
        return repr(value)
    return format(Decimal(repr(value)), "f")


def time_text(at_ms: Ints) -> pa.Array:
    """Unix seconds; thousandths where there are any.

    >>> time_text(np.array([1435781430781, 1435781430000, -1500])).to_pylist()
    ['1435781430.781', '1435781430', '-1.500']
    """
    seconds, rest = np.divmod(np.abs(at_ms), 1000)
    sign = pa.array(np.where(at_ms < 0, "-", ""), pa.string())
    text = pc.binary_join_element_wise(sign, pa.array(seconds).cast(pa.string()), pa.scalar(""))
    if not rest.any():
        return text
    padded = pc.utf8_slice_codeunits(pa.array(rest + 1000).cast(pa.string()), 1)
    return pc.if_else(pa.array(rest == 0), text, pc.binary_join_element_wise(text, padded, pa.scalar(".")))


def _points(times: pa.Array, values: pa.Array) -> pa.Array:
    """`[t,"v"]` for each point."""
    return pc.binary_join_element_wise(pa.scalar("["), times, pa.scalar(',"'), values, pa.scalar('"]'), pa.scalar(""))


def labels_json(labels: Labels) -> bytes:
    """One series' labels as an object."""
    return msgspec.json.encode(dict(labels))


def matrix_json(
    labels: Sequence[Labels],
    at_ms: Ints,
    values: Floats,
    present: Flags,
    histograms: npt.NDArray[np.object_] | None = None,
) -> bytes:
    """Series over steps: `values[s, t]` where `present[s, t]`; series without any point are left out.

    >>> matrix_json([(("a", "b"),)], np.array([0, 1000]), np.array([[1.0, 2.0]]), np.array([[True, True]]))
    b'[{"metric":{"a":"b"},"values":[[0,"1"],[1,"2"]]}]'
    """
    is_float = present if histograms is None else present & (histograms == None)  # noqa: E711 - cell by cell
    series, steps = np.nonzero(is_float)
    counts = np.bincount(series, minlength=len(labels))
    texts = time_text(at_ms).take(pa.array(steps))
    return _rows(labels, counts, texts, values[series, steps], _histogram_rows(at_ms, present, histograms))


def block_json(block: SeriesBlock) -> bytes:
    """Raw samples, as `metric[5m]` asks for them; without the marks that say that a series ended."""
    alive = block.values.view(np.uint64) != np.uint64(STALE_BITS)
    if block.histograms is not None:
        told = np.array([one is not None for one in block.histograms], dtype=bool)
        alive = alive & ~told
    owner = np.repeat(np.arange(len(block.labels)), np.diff(block.offsets))
    counts = np.bincount(owner[alive], minlength=len(block.labels))
    times = time_text(block.at_ms[alive])
    return _rows(block.labels, counts, times, block.values[alive], _block_histogram_rows(block, owner))


def _rows(
    labels: Sequence[Labels], counts: npt.NDArray[np.intp], times: pa.Array, values: Floats, others: dict[int, bytes]
) -> bytes:
    cells = _points(times, value_text(values))
    offsets = np.zeros(len(labels) + 1, np.int32)
    np.cumsum(counts, out=offsets[1:])
    joined = pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), cells), ",").to_pylist()
    parts = []
    for number, text in enumerate(joined):
        floats = b',"values":[' + text.encode() + b"]" if counts[number] else b""
        told = b',"histograms":[' + others[number] + b"]" if number in others else b""
        if floats or told:
            parts.append(b'{"metric":' + labels_json(labels[number]) + floats + told + b"}")
    return b"[" + b",".join(parts) + b"]"


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
        time_text(np.array([at_ms]))[0].as_py().encode(),
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
    moment = time_text(np.array([at_ms]))[0].as_py().encode()
    texts = value_text(values).to_pylist()
    parts = []
    for number in np.flatnonzero(present).tolist():
        histogram = None if histograms is None else histograms[number]
        told = (
            b'"value":[%s,"%s"]' % (moment, texts[number].encode())
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
    return b"[%s,%s]" % (time_text(np.array([at_ms]))[0].as_py().encode(), msgspec.json.encode(text))


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
                    time_text(np.array([exemplar.at_ms]))[0].as_py().encode(),
                )
                for exemplar in one.exemplars
            ),
        )
        for one in found
    ]
    return b"[" + b",".join(rows) + b"]"
