"""The file again, with scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as arrow_parquet
import pytest

from trimtab.app.series_files.reading import read_series
from trimtab.app.series_files.scores_out import write_scores
from trimtab.model.errors import InputError


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    text = "timestamp;note;value\n2026-01-01 00:01;late;007\n2026-01-01 00:00;früh;1.50\n2026-01-01 00:01;again;8\n"
    file = read_series(text.encode(), "F.csv")
    write_scores(file, [np.array([0.25, 0.75])], tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == (
        "timestamp;note;value;anomaly_score\n2026-01-01 00:01;late;007;0.75\n"
        "2026-01-01 00:00;früh;1.50;0.25\n2026-01-01 00:01;again;8;0.75\n"
    )


def test_texts_with_delimiters_keep_their_quotes(tmp_path: Path) -> None:
    file = read_series(b'timestamp,series,value\n0,"a,b",1\n', "F.csv")
    write_scores(file, [np.array([0.5])], tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text().splitlines()[1] == '"0","a,b","1",0.5'


def test_a_wide_row_has_the_highest_score_and_each(tmp_path: Path) -> None:
    file = read_series(b"timestamp,a,b\n0,1,2\n60,1,2\n", "F.csv")
    write_scores(file, [np.array([0.1, 0.2]), np.array([0.3, 0.0])], tmp_path / "out.parquet")
    table = arrow_parquet.read_table(str(tmp_path / "out.parquet"))
    assert table.column("anomaly_score").to_pylist() == [0.3, 0.2]
    assert table.column("anomaly_score_b").to_pylist() == [0.3, 0.0]


def test_a_column_of_that_name_is_not_replaced(tmp_path: Path) -> None:
    file = read_series(b"timestamp,value,anomaly_score\n0,1,2\n", "F.csv")
    with pytest.raises(InputError, match="has a column 'anomaly_score' already"):
        write_scores(file, [np.array([0.1])], tmp_path / "out.csv")
