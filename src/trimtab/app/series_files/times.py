"""Moments in a column: ISO 8601 with or without a zone, numbers since 1970, or a form that the user names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pyarrow as pa
from pyarrow import compute

from trimtab.app.series_files.bad_rows import first_bad
from trimtab.app.series_files.numbers import short
from trimtab.app.series_files.table import Table
from trimtab.model.errors import InputError
from trimtab.stats.time_series import I64

UNITS_PER_S = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_EPOCH = r"^-?\d+(\.\d+)?$"
_ZONE = r"([zZ]|[+-]\d\d(:?\d\d)?)$"
_DATE = r"^\d{4}-\d\d-\d\d"
_DAY_MS = 86_400_000
_YEARS = (1970, 2262)
"""What nanoseconds in 64 bits hold, from 1970 on."""


@dataclass(frozen=True, slots=True)
class TimeForm:
    """How times are written. `zone` is that of times that name none (None: nobody said; then it is UTC); `unit` that of
    numbers ("": by their size); `form` is strptime's ("": ISO 8601)."""

    zone: str | None = None
    unit: str = ""
    form: str = ""

    @property
    def zone_info(self) -> ZoneInfo:
        """The zone; InputError where there is none of that name."""
        try:
            return ZoneInfo(self.zone or "UTC")
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise InputError(f"--time-zone: there is no zone {self.zone!r}; one is 'Europe/Berlin'") from None


@dataclass(frozen=True, slots=True)
class Times:
    """Unix milliseconds (UTC) of each row; `names_zone` is False where the file did not say what zone it means."""

    at_ms: I64
    names_zone: bool


def times_of(table: Table, column: str, form: TimeForm) -> Times:
    """The moments of a column. InputError names the first cell that is none."""
    cells = table.columns.column(column).combine_chunks()
    if cells.null_count:
        row = int(compute.index(compute.is_null(cells), pa.scalar(True)).as_py())
        raise InputError(f"{table.place(row, column)}: it has no time", row=row, column=column)
    kind = cells.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        naive_ms = cells.cast(pa.timestamp("ms", getattr(kind, "tz", None)), safe=False).cast(pa.int64())
        if getattr(kind, "tz", None):
            return Times(_array(naive_ms), True)
        return _in_zone(table, column, _array(naive_ms), form)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return Times(_since_1970(table, column, _floats(cells), form), True)
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        raise InputError(f"{table.file}, column {column}: wanted are times, found {kind}", column=column)
    return _of_texts(table, column, compute.utf8_trim_whitespace(cells), form)


def _of_texts(table: Table, column: str, texts: pa.Array, form: TimeForm) -> Times:
    if form.form:
        return _by_form(table, column, texts, form)
    if (is_number := compute.match_substring_regex(texts, _EPOCH))[0].as_py():
        if (row := int(compute.index(is_number, pa.scalar(False)).as_py())) >= 0:
            seen = short(texts[row].as_py())
            raise InputError(
                f"{table.place(row, column)}: {seen} is no time: the rows before are numbers since 1970", row=row
            )
        return Times(_since_1970(table, column, _floats(texts.cast(pa.float64())), form), True)
    has_zone = compute.and_(compute.match_substring_regex(texts, _ZONE), compute.match_substring(texts, ":"))
    first = bool(has_zone[0].as_py())
    other = compute.index(has_zone, pa.scalar(not first)).as_py()
    if other >= 0:
        seen, before = short(texts[other].as_py()), short(texts[0].as_py())
        if not compute.match_substring_regex(texts.slice(other, 1), _DATE)[0].as_py():
            raise InputError(f"{table.place(other, column)}: {seen} is no time, such as {before}", row=other)
        raise InputError(
            f"{table.place(other, column)}: {seen} names {'no' if first else 'a'} zone, and the first, {before}, "
            f"{'does' if first else 'does not'}",
            row=other,
        )
    wanted = pa.timestamp("ns", "UTC" if first else None)

    def convert(part: pa.Array) -> pa.Array:
        return part.cast(wanted)

    try:
        moments = convert(texts)
    except pa.ArrowInvalid:
        row = first_bad(texts, convert)
        raise InputError(
            f"{table.place(row, column)}: {short(texts[row].as_py())} is no time: wanted is ISO 8601 "
            "(2026-01-31T12:00:00Z) of the years 1678 to 2261, a number since 1970, or --time-format",
            row=row,
        ) from None
    at_ms = np.floor_divide(_array(moments.cast(pa.int64())), 1_000_000)
    return Times(at_ms, True) if first else _in_zone(table, column, at_ms, form)


def _by_form(table: Table, column: str, texts: pa.Array, form: TimeForm) -> Times:
    """By strptime, each text once: it knows names of zones and offsets, which arrays of moments do not."""
    known = compute.dictionary_encode(texts)
    moments, names_zone = [], True
    for text in known.dictionary.to_pylist():
        try:
            moment = datetime.strptime(text, form.form)  # noqa: DTZ007  (the zone is put in below)
        except ValueError as error:
            row = int(compute.index(texts, pa.scalar(text, texts.type)).as_py())
            raise InputError(f"{table.place(row, column)}: {error}", row=row, column=column) from None
        names_zone = names_zone and moment.tzinfo is not None
        moments.append(round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000))
    at_ms = np.array(moments, np.int64)[_array(known.indices)]
    return Times(at_ms, True) if names_zone else _in_zone(table, column, at_ms, form)


def _since_1970(table: Table, column: str, numbers: np.ndarray, form: TimeForm) -> I64:
    if not np.isfinite(numbers).all():
        row = int((~np.isfinite(numbers)).argmax())
        raise InputError(f"{table.place(row, column)}: it has no time", row=row)
    unit = form.unit or _unit_by_size(float(np.abs(numbers).max()))
    if unit not in UNITS_PER_S:
        raise InputError(f"--time-unit is one of {', '.join(UNITS_PER_S)}, found {unit!r}")
    at_ms = np.round(numbers * (1000 / UNITS_PER_S[unit]))
    latest_ms = (_YEARS[1] - 1970) * 365.2425 * _DAY_MS
    if (outside := np.abs(at_ms) > latest_ms).any():
        row = int(outside.argmax())
        raise InputError(
            f"{table.place(row, column)}: {numbers[row]:.0f} {unit} since 1970 is after {_YEARS[1]}: see --time-unit",
            row=row,
        )
    return at_ms.astype(np.int64)


def _unit_by_size(largest: float) -> str:
    """What numbers of this size are, if they are moments of this century.

    >>> [_unit_by_size(number) for number in (1.7e9, 1.7e12, 1.7e15, 1.7e18)]
    ['s', 'ms', 'us', 'ns']
    """
    return next((unit for unit, below in (("s", 1e11), ("ms", 1e14), ("us", 1e17)) if largest < below), "ns")


def _in_zone(table: Table, column: str, naive_ms: I64, form: TimeForm) -> Times:
    """Local times as moments. Of the hour that comes twice in autumn, the second is meant where times went back."""
    zone = form.zone_info
    if form.zone is None or form.zone == "UTC":
        return Times(naive_ms, form.zone is not None)
    days = np.floor_divide(naive_ms, _DAY_MS)
    offsets_ms = np.empty(len(naive_ms), np.int64)
    for day in np.unique(days):
        rows = np.flatnonzero(days == day)
        ends = {_offset_ms(int(day) * _DAY_MS + at, zone, 0) for at in (-_DAY_MS // 8, _DAY_MS + _DAY_MS // 8)}
        if len(ends) == 1:
            offsets_ms[rows] = ends.pop()
            continue
        latest_ms = -(1 << 62)
        for row in rows:  # one day of the year
            local_ms = int(naive_ms[row])
            first, second = _offset_ms(local_ms, zone, 0), _offset_ms(local_ms, zone, 1)
            if second > first:
                seen = datetime.fromtimestamp(local_ms / 1000, UTC).replace(tzinfo=None)
                raise InputError(f"{table.place(int(row), column)}: there was no {seen} in {form.zone}", row=int(row))
            offsets_ms[row] = first if local_ms - first >= latest_ms else second
            latest_ms = local_ms - int(offsets_ms[row])
    return Times(naive_ms - offsets_ms, True)


def _offset_ms(local_ms: int, zone: ZoneInfo, fold: int) -> int:
    moment = datetime(1970, 1, 1) + timedelta(milliseconds=local_ms)  # noqa: DTZ001  (it gets its zone here)
    offset = moment.replace(tzinfo=zone, fold=fold).utcoffset()
    return 0 if offset is None else round(offset.total_seconds() * 1000)


def _array(cells: pa.Array) -> I64:
    return np.array(cells.to_numpy(zero_copy_only=False), np.int64)


def _floats(cells: pa.Array) -> np.ndarray:
    return np.array(cells.to_numpy(zero_copy_only=False), np.float64)
