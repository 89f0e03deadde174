"""A file as columns: CSV (comma, semicolon, tab) or Parquet. Cells of a CSV stay texts; what they mean comes later."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as arrow_parquet

from trimtab.model.errors import InputError

SIZE_BYTES_MAX = 1 << 30
ROWS_MAX = 20_000_000
COLUMNS_MAX = 100_000
TOLD_MAX = 5
"""So many bad rows are named in a message."""
_PARQUET = b"PAR1"
_PACKED = ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"BZh", "bzip2"), (b"\xfd7zXZ", "xz"))
_DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True)
class Table:
    """Columns of a file. `delimiter` is "" where it was Parquet; `data` are the bytes as they came."""

    file: str
    columns: pa.Table
    delimiter: str
    data: bytes

    @property
    def is_csv(self) -> bool:
        """Whether rows are lines."""
        return bool(self.delimiter)

    def place(self, row: int, column: str = "") -> str:
        """Where a row (from 0, without the header) stands: `F.csv, line 7, column value`."""
        where = f"line {_line_of(self.data, self.delimiter, row)}" if self.is_csv else f"row {row + 1}"
        return f"{self.file}, {where}" + (f", column {column}" if column else "")


def table_of(data: bytes, file: str) -> Table:
    """Read a file's bytes. InputError names what is wrong with it, and where.

    >>> table_of(b"timestamp,value\\n2026-01-01T00:00:00Z,1\\n", "F.csv").columns.column_names
    ['timestamp', 'value']
    """
    if len(data) > SIZE_BYTES_MAX:
        raise InputError(f"{file} has {len(data)} bytes, the limit is {SIZE_BYTES_MAX}", limit=SIZE_BYTES_MAX)
    if not data.strip():
        raise InputError(f"{file} is empty")
    table = _of_parquet(data, file) if data[:4] == _PARQUET else _of_csv(data, file)
    names = table.columns.column_names
    if (
        twice := sorted({name for name in names if names.count(name) > 1})[:TOLD_MAX]
        if len(set(names)) < len(names)
        else []
    ):
        raise InputError(f"{file}: the column {twice[0]!r} stands there twice", column=twice[0])
    if len(names) > COLUMNS_MAX:
        raise InputError(f"{file} has {len(names)} columns, the limit is {COLUMNS_MAX}", limit=COLUMNS_MAX)
    if table.columns.num_rows > ROWS_MAX:
        raise InputError(f"{file} has {table.columns.num_rows} rows, the limit is {ROWS_MAX}", limit=ROWS_MAX)
    if table.columns.num_rows == 0:
        raise InputError(f"{file} has a header, and no rows")
    return table


def _of_parquet(data: bytes, file: str) -> Table:
    try:
        return Table(file, arrow_parquet.read_table(io.BytesIO(data)), "", data)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{file} begins as Parquet does, and could not be read: {error}") from error


def _of_csv(data: bytes, file: str) -> Table:
    data = _text(data, file)
    header = re.split(b"[\r\n]", data.lstrip(b"\r\n"), maxsplit=1)[0].decode()
    delimiter = max(_DELIMITERS, key=header.count)
    try:
        names = next(csv.reader([header], delimiter=delimiter))
    except csv.Error as error:
        raise InputError(f"{file}, line 1: wanted is a header such as 'timestamp,value': {error}", line=1) from error
    if len(names) < 2:
        raise InputError(f"{file}, line 1: wanted is a header such as 'timestamp,value', found {header[:80]!r}", line=1)
    if any(_is_number(name) for name in names):
        raise InputError(
            f"{file}, line 1: wanted is a header such as 'timestamp,value', found numbers: {header[:80]!r}", line=1
        )
    bad: list[tuple[int, int, str]] = []

    def refuse(row: arrow_csv.InvalidRow) -> str:
        bad.append((row.number, row.actual_columns, row.text))
        return "skip"

    try:
        table = arrow_csv.read_csv(
            io.BytesIO(data),
            arrow_csv.ReadOptions(use_threads=False, block_size=max(1 << 20, min(len(data), 1 << 26))),
            arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=refuse),
            arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
        )
    except pa.ArrowInvalid as error:
        raise InputError(f"{file} could not be read: {error}") from error
    if bad:
        told = "; ".join(
            f"line {_line_of(data, delimiter, number - 2)} has {count} fields: {text[:80]!r}"
            for number, count, text in bad[:TOLD_MAX]
        )
        raise InputError(f"{file}: {len(names)} fields are wanted in each line; {told}", rows=len(bad))
    return Table(file, table, delimiter, data)


def _text(data: bytes, file: str) -> bytes:
    """The same as UTF-8 without a mark: Windows PowerShell writes UTF-16. InputError where it is neither."""
    if packed := next((name for magic, name in _PACKED if data.startswith(magic)), ""):
        raise InputError(f"{file} is packed by {packed}: unpack it into standard input ({packed} -dc {file} | … -)")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            return data.decode("utf-16").encode()
        except UnicodeDecodeError as error:
            raise InputError(f"{file} begins as UTF-16 does, and could not be read: {error.reason}") from error
    data = data.removeprefix(b"\xef\xbb\xbf")
    _check_utf_8(data, file)
    return data


def _check_utf_8(data: bytes, file: str) -> None:
    """Refuse what is no UTF-8, with the line; without a copy of what is."""
    ends = pa.py_buffer(np.array([0, len(data)], np.int64))
    text = pa.LargeStringArray.from_buffers(1, ends, pa.py_buffer(data))
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        start = _first_bad_byte(data)
        line = data.count(b"\n", 0, start) + 1
        raise InputError(
            f"{file}, line {line}: its text is not UTF-8 (byte 0x{data[start]:02x}); save it as UTF-8, or as Parquet",
            line=line,
        ) from None


def _first_bad_byte(data: bytes) -> int:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.start
    return 0


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.strip().lower() not in ("nan", "inf", "infinity")


def _line_of(data: bytes, delimiter: str, row: int) -> int:
    """The line on which a row begins; counted only where somebody has to be told."""
    reader = csv.reader(io.StringIO(data.decode("utf-8", "replace"), newline=""), delimiter=delimiter)
    seen, before = -2, 0  # the header is the row before the first
    try:
        for cells in reader:
            if cells:
                seen += 1
            if seen == row:
                break
            before = reader.line_num
    except csv.Error:  # a cell of more than 128 KiB, as after a quote that nobody closed: that is the row
        pass
    return before + 1
