"""Numbers in a column: texts of a CSV or numbers of a Parquet file, missing ones as NaN."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from pyarrow import compute

from trimtab.app.series_files.bad_rows import first_bad
from trimtab.app.series_files.table import Table
from trimtab.model.errors import InputError
from trimtab.stats.time_series import F64

MISSING = ("", "nan", "null", "none", "na", "n/a", "-")
"""Texts that say that there is no number, whatever their case."""
_DECIMAL_COMMA = r"^\s*[-+]?\d+,\d+([eE][-+]?\d+)?\s*$"
VALUE_MAX = 1e100
"""Larger numbers are refused: squares of them, which every variance needs, are no longer numbers."""


def is_numeric(table: Table, column: str) -> bool:
    """Whether all of a column are numbers or missing."""
    try:
        numbers_of(table, column)
    except InputError:
        return False
    return True


def has_decimal_commas(table: Table, column: str) -> bool:
    """Whether a column of texts has commas for points: 3,5 between semicolons, and no point in any cell."""
    cells = table.columns.column(column)
    if table.delimiter != ";" or not pa.types.is_string(cells.type):
        return False
    texts, yes = cells.combine_chunks(), pa.scalar(True)
    has_comma = compute.index(compute.match_substring_regex(texts, _DECIMAL_COMMA), yes).as_py() >= 0
    return bool(has_comma) and compute.index(compute.match_substring(texts, "."), yes).as_py() < 0


def short(seen: object, most: int = 80) -> str:
    """A cell as a message shows it.

    >>> short("a" * 100, 5), short(3)
    ("'aaaaa…'", '3')
    """
    return repr(seen[:most] + "…" if isinstance(seen, str) and len(seen) > most else seen)


def numbers_of(table: Table, column: str) -> F64:
    """A column as float64; InputError names the first cell that is none, or is not finite."""
    cells = table.columns.column(column).combine_chunks()
    kind = cells.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        words = compute.utf8_lower(compute.utf8_trim_whitespace(cells))
        is_missing = compute.is_in(words, pa.array(MISSING, words.type))
        cells = compute.if_else(is_missing, None, words)
        if has_decimal_commas(table, column):
            cells = compute.replace_substring_regex(cells, ",", ".")
    elif not (
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind)
    ):
        raise InputError(f"{table.file}, column {column}: wanted are numbers, found {kind}", column=column)

    def convert(part: pa.Array) -> pa.Array:
        return part.cast(pa.float64(), safe=False) if pa.types.is_decimal(part.type) else part.cast(pa.float64())

    try:
        numbers = convert(cells)
    except pa.ArrowInvalid:
        row = first_bad(cells, convert)
        raise _no_number(table, column, row) from None
    values = np.array(numbers.to_numpy(zero_copy_only=False), np.float64)
    if (infinite := np.isinf(values)).any():
        raise _no_number(table, column, int(infinite.argmax()), "finite ")
    if (large := np.abs(values) > VALUE_MAX).any():
        row = int(large.argmax())
        raise InputError(
            f"{table.place(row, column)}: {values[row]:g} is beyond ±{VALUE_MAX:g}", row=row, column=column
        )
    return values


def _no_number(table: Table, column: str, row: int, kind: str = "") -> InputError:
    seen = short(table.columns.column(column)[row].as_py())
    return InputError(f"{table.place(row, column)}: {seen} is no {kind}number", row=row, column=column)
