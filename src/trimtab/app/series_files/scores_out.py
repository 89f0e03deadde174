"""The file again, with the score of each row beside it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as arrow_parquet

from trimtab.app.series_files.reading import SeriesFile
from trimtab.model.errors import InputError
from trimtab.stats.time_series import F64

SCORE = "anomaly_score"


def with_scores(file: SeriesFile, scores: Sequence[F64]) -> pa.Table:
    """The table with a column `anomaly_score` (0 to 1) more: that of the row's sample, of the highest series of a wide
    row; a wide file of several series gets a column for each of them, too. `scores[i]` are those of the i-th series.
    """
    of_rows = np.zeros(file.table.columns.num_rows)
    by_column: dict[str, F64] = {}
    for one, own in zip(file.series, scores, strict=True):
        of_samples = own[one.sample_of_row]
        of_rows[one.rows] = np.maximum(of_rows[one.rows], of_samples)
        if file.layout.is_wide:
            by_column[f"{SCORE}_{one.series.name}"] = of_samples
    columns = {SCORE: of_rows, **(by_column if len(by_column) > 1 else {})}
    table = file.table.columns
    for name, values in columns.items():
        if name in table.column_names:
            raise InputError(f"--scores: {file.table.file} has a column {name!r} already", column=name)
        table = table.append_column(name, pa.array(np.round(values, 6)))
    return table


def write_scores(file: SeriesFile, scores: Sequence[F64], path: Path) -> None:
    """Write it: as Parquet where the name ends so, else as CSV with the delimiter that the file had."""
    table = with_scores(file, scores)
    if path.suffix.lower() == ".parquet":
        arrow_parquet.write_table(table, str(path))
        return
    delimiter = file.table.delimiter or ","
    header = io.StringIO()
    csv.writer(header, delimiter=delimiter, lineterminator="\n").writerow(table.column_names)
    with path.open("wb") as out:
        out.write(header.getvalue().encode())
        out.write(_rows(table, delimiter))


def _rows(table: pa.Table, delimiter: str) -> bytes:
    """Lines without quotes, as nearly all files have them; with quotes around texts where one holds a delimiter."""
    for style in ("none", "needed"):
        rows = io.BytesIO()
        try:
            arrow_csv.write_csv(
                table, rows, arrow_csv.WriteOptions(include_header=False, delimiter=delimiter, quoting_style=style)
            )
        except pa.ArrowInvalid:
            continue
        return rows.getvalue()
    raise AssertionError("unreachable: quotes take every text")
