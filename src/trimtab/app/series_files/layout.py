"""Which columns of a file are times, values and names of series: by their names, or as the user says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from trimtab.app.series_files.numbers import is_numeric
from trimtab.app.series_files.table import Table
from trimtab.model.errors import InputError

TIME_NAMES = ("timestamp", "time", "ts", "datetime", "date_time", "date", "ds", "at", "_time", "t")
SERIES_NAMES = ("series", "metric", "name", "unique_id", "series_id")
VALUE_NAMES = ("value", "y", "_value")


@dataclass(frozen=True, slots=True)
class Columns:
    """What the user said of columns; "" and () where nothing."""

    time: str = ""
    series: tuple[str, ...] = ()
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """`series` is empty where each of `values` is a series of its own (wide)."""

    time: str
    series: tuple[str, ...]
    values: tuple[str, ...]

    def others(self, names: Sequence[str]) -> list[str]:
        """Which of a file's columns are nothing of all this, and are not looked at."""
        return [name for name in names if name not in (self.time, *self.series, *self.values)]

    @property
    def is_wide(self) -> bool:
        """Whether columns are series."""
        return not self.series


def layout_of(table: Table, said: Columns) -> Layout:
    """Find out. InputError says what could not be found and how to say it."""
    names = table.columns.column_names
    for option, wanted in (
        ("--time-column", (said.time,) if said.time else ()),
        ("--series-column", said.series),
        ("--value-column", said.values),
    ):
        for name in wanted:
            if name not in names:
                raise InputError(f"{option}: {table.file} has no column {name!r}; it has {_listed(names)}", column=name)
    time = said.time or _named(names, TIME_NAMES) or _of_moments(table) or names[0]
    rest = [name for name in names if name != time and (name.strip() or name in (*said.series, *said.values))]
    series = said.series or _series_column(rest)
    others = [name for name in rest if name not in series]
    if series:
        values = said.values or _one_value(table, others)
        if len(values) != 1:
            raise InputError(f"--value-column: with a column of names there is one of values, found {len(values)}")
        return Layout(time, series, values)
    values = said.values or ((value,) if (value := _named(others, VALUE_NAMES)) else tuple(others))
    if not said.values and len(values) > 1:
        texts = [name for name in values if not is_numeric(table, name)]
        if texts and len(texts) < len(values) and not _has_numbers(table, texts[0]):
            raise InputError(
                f"{table.file}: the column {texts[0]!r} holds texts: is it the name of a series (--series-column "
                f"{texts[0]}), or which columns are values (--value-column NAME)?",
                column=texts[0],
            )
    if not values:
        raise InputError(f"{table.file} has no column of values; it has {_listed(names)}")
    return Layout(time, (), values)


def _named(names: Sequence[str], wanted: Sequence[str]) -> str:
    lower = {name.strip().lower(): name for name in reversed(names)}
    return next((lower[name] for name in wanted if name in lower), "")


def _of_moments(table: Table) -> str:
    """The first column whose type says that it holds moments: a Parquet file of pandas has its index at the end."""
    fields = table.columns.schema
    return next((one.name for one in fields if pa.types.is_timestamp(one.type) or pa.types.is_date(one.type)), "")


def _series_column(names: Sequence[str]) -> tuple[str, ...]:
    """A column of names, if there is one of values beside it."""
    found = _named(names, SERIES_NAMES)
    return (found,) if found and _named(names, VALUE_NAMES) else ()


def _one_value(table: Table, names: Sequence[str]) -> tuple[str, ...]:
    found = _named(names, VALUE_NAMES)
    if found or len(names) == 1:
        return (found or names[0],)
    raise InputError(f"{table.file}: which column holds the values? --value-column NAME; there are {_listed(names)}")


def _has_numbers(table: Table, name: str) -> bool:
    """Whether a column has some numbers: then it is one of values with a bad cell, which is named later."""
    cells = table.columns.column(name).slice(0, 100).to_pylist()
    for cell in cells:
        try:
            float(cell)
        except (TypeError, ValueError):
            continue
        return True
    return False


def _listed(names: Sequence[str], most: int = 12) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
