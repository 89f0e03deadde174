"""The body of one scrape as arrays: values and times that are plain come from the kernel, the others are read here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trimtab.model.errors import InputError
from trimtab.observe.otlp import BodyTooLong
from trimtab.observe.scrape import text_kernels as k
from trimtab.observe.scrape.series_text import labels_of_text
from trimtab.store.metrics.contract import Metadata, MetricKind

OPENMETRICS = "application/openmetrics-text"

_BYTES_A_LINE = 24
_ROOM_MIN = 256
_FEW = 8
"""Fewer long decimals than this are read one by one."""
_KINDS: dict[str, MetricKind] = {
    "counter": "counter",
    "gauge": "gauge",
    "histogram": "histogram",
    "gaugehistogram": "gaugehistogram",
    "summary": "summary",
    "info": "info",
    "stateset": "stateset",
}


@dataclass(frozen=True, slots=True)
class Exposition:
    """Samples of a body, in its order; for the columns of `rows` see `text_kernels`."""

    body: bytearray
    keys: NDArray[np.uint64]
    rows: NDArray[np.int64]
    values: NDArray[np.float64]
    at_ms: NDArray[np.int64]
    """The time that the line says, or that of the scrape."""
    has_time: NDArray[np.bool_]
    comment_keys: NDArray[np.uint64]
    comments: NDArray[np.int64]

    def text(self, start: int, end: int) -> str:
        """A piece of the body; InputError where it is not UTF-8."""
        try:
            return bytes(memoryview(self.body)[start:end]).decode()
        except UnicodeDecodeError as error:
            raise InputError(f"the answer is not UTF-8: {error.reason}", reason="label_not_utf8") from error


def read(
    body: bytearray,
    seed: NDArray[np.uint64],
    at_ms: int,
    *,
    is_openmetrics: bool,
    honor_timestamps: bool,
    rows_max: int,
) -> Exposition:
    """Read a body. InputError names a line that makes no sense: then nothing of it is taken, as Prometheus does."""
    found = _scan(body, seed, at_ms, rows_max)
    if is_openmetrics and not _ends_well(found):
        raise InputError("an answer in OpenMetrics must end with '# EOF'")
    for index in _read_decimals(found, np.flatnonzero(found.rows[:, k.STATE] != k.READ)).tolist():
        found.values[index] = _value(found, index)
    timed = np.flatnonzero(found.rows[:, k.TIME] > 0)
    if honor_timestamps and len(timed):
        data = np.frombuffer(found.body, np.uint8)
        is_odd = k.times_of(data, found.rows, timed, k.powers_of_ten(), is_openmetrics, found.at_ms)
        for index in timed[is_odd].tolist():
            found.at_ms[index] = _time_ms(found, index, is_openmetrics=is_openmetrics)
        found.has_time[timed] = True
    return found


def _read_decimals(found: Exposition, wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """Reads decimals that are too long for the kernel, many at a time; which rows are left."""
    if len(wanted) < _FEW:
        return wanted
    data, offsets, is_plain = k.long_decimals(np.frombuffer(found.body, np.uint8), found.rows, wanted)
    texts = pa.StringArray.from_buffers(len(wanted), pa.py_buffer(offsets), pa.py_buffer(data))
    plain = np.flatnonzero(is_plain)
    try:
        values = texts.take(pa.array(plain)).cast(pa.float64()).to_numpy()
    except pa.ArrowInvalid:
        return wanted
    found.values[wanted[plain]] = values
    return wanted[~is_plain]


def _scan(body: bytearray, seed: NDArray[np.uint64], at_ms: int, rows_max: int) -> Exposition:
    data = np.frombuffer(body, np.uint8)
    counts = np.zeros(2, np.int64)
    rows_count = min(len(body) // _BYTES_A_LINE + _ROOM_MIN, rows_max)
    while True:
        keys, rows = np.empty((rows_count, 2), np.uint64), np.empty((rows_count, k.ROW_COLUMNS), np.int64)
        values, comments = np.empty(rows_count), np.empty((rows_count, 2), np.int64)
        comment_keys = np.empty((rows_count, 2), np.uint64)
        code = k.scan(data, seed, k.powers_of_ten(), counts, keys, rows, values, comment_keys, comments)
        if code == k.DONE:
            break
        if rows_count >= rows_max:
            raise BodyTooLong(f"an answer may have {rows_max} lines; this one has more", limit=rows_max)
        rows_count = min(rows_count * 4, rows_max)
    samples, told = int(counts[k.SAMPLES]), int(counts[k.COMMENTS])
    return Exposition(
        body,
        keys[:samples],
        rows[:samples],
        values[:samples],
        np.full(samples, at_ms, np.int64),
        np.zeros(samples, np.bool_),
        comment_keys[:told],
        comments[:told],
    )


def _ends_well(found: Exposition) -> bool:
    return bytes(found.body[-7:]).rstrip(b"\r\n").endswith(b"# EOF")


def _value(found: Exposition, index: int) -> float:
    row = found.rows[index].tolist()
    line = found.text(row[k.START], row[k.LINE_END])
    text = found.text(row[k.VALUE], row[k.VALUE_END])
    if row[k.STATE] == k.BROKEN or "_" in text:
        raise InputError(f"the line {line[:200]!r} is no sample", line=line[:200])
    try:
        return float(text)
    except ValueError:
        raise InputError(f"the line {line[:200]!r} has no number for a value", line=line[:200]) from None


def _time_ms(found: Exposition, index: int, *, is_openmetrics: bool) -> int:
    row = found.rows[index].tolist()
    text = found.text(row[k.TIME], row[k.TIME_END])
    try:
        at_ms = round(float(text) * 1000) if is_openmetrics else int(text)
    except (ValueError, OverflowError):
        at_ms = 1 << 63
    if not -(1 << 62) < at_ms < 1 << 62:
        raise InputError(f"the line {found.text(row[k.START], row[k.LINE_END])[:200]!r} has no time that could be")
    return at_ms


def exemplars(found: Exposition) -> Iterator[tuple[int, dict[str, str], float, int]]:
    """Index of the sample, labels, value and time (0: none); what makes no sense is left out."""
    for index in np.flatnonzero(found.rows[:, k.EXEMPLAR] > 0).tolist():
        row = found.rows[index].tolist()
        text = found.text(row[k.EXEMPLAR], row[k.LINE_END]).removeprefix("#").strip()
        labels, brace, rest = text.rpartition("}")
        parts = rest.split()
        try:
            at_ms = round(float(parts[1]) * 1000) if len(parts) > 1 else 0
            yield index, labels_of_text(labels + brace), float(parts[0]), at_ms
        except (InputError, ValueError, IndexError, OverflowError):
            continue


def metadata(found: Exposition, is_new: NDArray[np.bool_]) -> list[Metadata]:
    """What the comments tell of metrics, where one of them is new."""
    if not is_new.any():
        return []
    changed: set[str] = set()
    told: dict[str, dict[str, str]] = {}
    for new, (start, end) in zip(is_new.tolist(), found.comments.tolist(), strict=True):
        parts = found.text(start, end).split(None, 3)
        if len(parts) < 3 or parts[0] != "#" or parts[1] not in {"HELP", "TYPE", "UNIT"}:
            continue
        told.setdefault(parts[2], {})[parts[1]] = parts[3] if len(parts) > 3 else ""
        if new:
            changed.add(parts[2])
    return [
        Metadata(metric, _KINDS.get(facts.get("TYPE", ""), "unknown"), facts.get("UNIT", ""), facts.get("HELP", ""))
        for metric, facts in told.items()
        if metric in changed
    ]
