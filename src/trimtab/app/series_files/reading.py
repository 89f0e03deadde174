"""A file's series, and which row each sample came from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from trimtab.app.series_files.layout import Columns, Layout, layout_of
from trimtab.app.series_files.numbers import has_decimal_commas, is_numeric, numbers_of
from trimtab.app.series_files.table import Table, table_of
from trimtab.app.series_files.times import TimeForm, Times, times_of
from trimtab.app.series_files.units import unit_in_name
from trimtab.model.errors import InputError
from trimtab.stats.time_series import F64, I64, TimeSeries

SERIES_MAX = 100_000
LEFT_OUT_TOLD_MAX = 6
EARLY_MS = 3 * 365 * 86_400_000
"""Files whose times all are before 1973 hold counters rather than times, and somebody should say so."""


@dataclass(frozen=True)
class FileSeries:
    """One series. `sample_of_row[i]` is the sample that row `rows[i]` of the file stands for: rows that repeat a time
    stand for the one sample which that time has, the first that was read."""

    series: TimeSeries
    column: str
    rows: I64
    sample_of_row: I64


@dataclass(frozen=True)
class SeriesFile:
    """All series of a file, in the order in which they appear; `notes` are sentences about how it was read."""

    table: Table
    layout: Layout
    series: tuple[FileSeries, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReadAs:
    """How a file is to be read."""

    columns: Columns = field(default_factory=Columns)
    times: TimeForm = field(default_factory=TimeForm)
    unit: str = ""


def read_series(data: bytes, file: str, how: ReadAs | None = None) -> SeriesFile:
    """The series of a CSV or Parquet file. InputError names file, line and column of what cannot be read.

    >>> data = b"timestamp,cpu,disk_bytes\\n2026-01-01T00:00Z,1,10\\n2026-01-01T00:01Z,,20\\n"
    >>> [(one.series.name, one.series.unit, one.series.values.tolist()) for one in read_series(data, "F.csv").series]
    [('cpu', '', [1.0, nan]), ('disk_bytes', 'bytes', [10.0, 20.0])]
    """
    how = how or ReadAs()
    table = table_of(data, file)
    layout = layout_of(table, how.columns)
    times = times_of(table, layout.time, how.times)
    if layout.is_wide:
        groups = [(name, name, np.arange(len(times.at_ms))) for name in layout.values]
    else:
        groups = [(name, layout.values[0], rows) for name, rows in _groups(table, layout)]
    if len(groups) > SERIES_MAX:
        raise InputError(f"{file} has {len(groups)} series, the limit is {SERIES_MAX}", limit=SERIES_MAX)
    repeated = unordered = 0
    found: list[FileSeries] = []
    numbers: dict[str, F64] = {}
    for name, column, rows in groups:
        if column not in numbers:
            numbers = {column: numbers_of(table, column)}
        values = numbers[column]
        at_ms = times.at_ms[rows]
        order = np.argsort(at_ms, kind="stable")
        unordered += int((np.diff(at_ms) < 0).sum())
        is_first = np.concatenate(([True], np.diff(at_ms[order]) > 0))
        kept = order[is_first]
        repeated += len(rows) - len(kept)
        sample_of_row = np.empty(len(rows), np.int64)
        sample_of_row[order] = np.cumsum(is_first) - 1
        series = TimeSeries(name, at_ms[kept], values[rows[kept]], how.unit or unit_in_name(column))
        found.append(FileSeries(series, column, rows, sample_of_row))
    others = layout.others(table.columns.column_names)
    if repeated and not how.columns.values:
        group_of_row = np.zeros(len(times.at_ms), np.int64)
        for place, (_, _, rows) in enumerate(groups):
            group_of_row[rows] = place
        _check_repeated(table, np.stack([times.at_ms, group_of_row]), others, layout.series)
    notes = [*_notes(layout, times, repeated, unordered), *_left_out(others)]
    if comma := next((name for name in layout.values if has_decimal_commas(table, name)), ""):
        notes.append(f"commas in {comma!r} are read as decimal: 3,5 is 3.5")
    return SeriesFile(table, layout, tuple(found), tuple(notes))


def _check_repeated(table: Table, keys: I64, others: list[str], series: tuple[str, ...]) -> None:
    """Refuse to mix what a column of names tells apart: then times repeat because there are several series."""
    if texts := next((name for name in others if _tells_apart(table, keys, name)), ""):
        option = " ".join(f"--series-column {name!r}" for name in (*series, texts))
        raise InputError(
            f"{table.file}: times repeat, and {texts!r} tells their rows apart: does it name series ({option})? If not,"
            " name the column of values (--value-column), and of the rows of a time the first counts",
            column=texts,
        )


def _tells_apart(table: Table, keys: I64, column: str) -> bool:
    """Whether a column has few texts, and each of them a key (time and series, shape [2, rows]) once."""
    if is_numeric(table, column):
        return False
    known = table.columns.column(column).combine_chunks().dictionary_encode()
    codes = np.array(known.indices.fill_null(-1).to_numpy(zero_copy_only=False), np.int64)
    pairs = np.unique(np.stack([*keys, codes]), axis=1).shape[1]
    return 2 * len(known.dictionary) <= len(codes) and len(codes) - pairs <= 0.01 * len(codes)


def _left_out(others: list[str]) -> Iterator[str]:
    if others:
        more = f" and {len(others) - LEFT_OUT_TOLD_MAX} more" if len(others) > LEFT_OUT_TOLD_MAX else ""
        told = ", ".join(repr(name) for name in others[:LEFT_OUT_TOLD_MAX]) + more
        yield f"not looked at: the column{'s' * (len(others) > 1)} {told} (--value-column, --series-column)"


def _groups(table: Table, layout: Layout) -> Iterator[tuple[str, I64]]:
    """Rows of each series of a long file, in the order of their first rows."""
    names: list[str] = []
    codes = np.zeros(table.columns.num_rows, np.int64)
    for column in layout.series:
        known = table.columns.column(column).combine_chunks().cast(pa.string()).dictionary_encode()
        texts = ["" if text is None else str(text) for text in known.dictionary.to_pylist()]
        own = np.array(known.indices.fill_null(-1).to_numpy(zero_copy_only=False), np.int64)
        missing = (own < 0) | np.isin(own, [code for code, text in enumerate(texts) if not text.strip()])
        if missing.any():
            raise InputError(f"{table.place(int(missing.argmax()), column)}: the name of the series is missing")
        if not names:
            names, codes = texts, own
            continue
        pairs, codes = np.unique(codes * len(texts) + own, return_inverse=True)
        names = [f"{names[pair // len(texts)]}, {texts[pair % len(texts)]}" for pair in pairs]
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.concatenate(([True], np.diff(codes[order]) > 0)))
    pieces = np.split(order, starts[1:])
    for rows in sorted(pieces, key=lambda piece: int(piece[0])):
        yield names[int(codes[rows[0]])], rows


def _notes(layout: Layout, times: Times, repeated: int, unordered: int) -> Iterator[str]:
    if (latest_ms := int(times.at_ms.max())) < EARLY_MS:
        latest = datetime.fromtimestamp(latest_ms / 1000, UTC).isoformat(timespec="seconds")
        yield f"the latest time in {layout.time!r} is {latest}: is it a time (--time-column, --time-unit)?"
    if not times.names_zone:
        yield f"the times in {layout.time!r} name no zone: they are read as UTC (--time-zone)"
    if unordered:
        yield f"{_rows(unordered, 'is', 'are')} earlier than the row before: the rows were put in order"
    if repeated:
        yield f"{_rows(repeated, 'repeats', 'repeat')} a time of the series: the first row of a time counts"


def _rows(count: int, one: str, many: str) -> str:
    return f"1 row {one}" if count == 1 else f"{count} rows {many}"
