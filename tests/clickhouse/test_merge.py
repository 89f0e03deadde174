"""Answers of shards are merged as one server would have answered."""

from __future__ import annotations

import random
from typing import Any

import pyarrow as pa

from trimtab.store.clickhouse.merge import merged
from trimtab.store.engine import Merge


def test_groups_are_those_of_a_plain_loop() -> None:
    draw = random.Random(3)
    rows: list[dict[str, Any]] = [
        {"service": draw.choice("abc"), "kind": draw.choice("xy"), "n": draw.randrange(9), "least": draw.random()}
        for _ in range(200)
    ]
    tables = [pa.Table.from_pylist(rows[:120]), pa.Table.from_pylist(rows[120:120]), pa.Table.from_pylist(rows[120:])]
    tables = [table.cast(tables[0].schema) if table.num_columns else tables[0].slice(0, 0) for table in tables]
    found = merged(
        tables, Merge((("service", "ascending"), ("kind", "descending")), None, ("service", "kind"), {"least": "min"})
    )
    keys = sorted({(row["service"], row["kind"]) for row in rows}, key=lambda key: (key[0], -ord(key[1])))
    expected = [
        {
            "service": service,
            "kind": kind,
            "n": sum(row["n"] for row in rows if (row["service"], row["kind"]) == (service, kind)),
            "least": min(row["least"] for row in rows if (row["service"], row["kind"]) == (service, kind)),
        }
        for service, kind in keys
    ]
    assert found.to_pylist() == expected


def test_all_rows_become_one_and_the_first_of_any() -> None:
    row = {"n": 2, "most": 5, "name": "a", "who": "x\ny"}
    tables = [pa.Table.from_pylist([row]), pa.Table.from_pylist([{"n": 3, "most": 4, "name": "a", "who": "z"}])]
    found = merged(tables, Merge(group_by=(), how={"most": "max", "name": "any", "who": "lines"}))
    assert found.to_pylist() == [{"n": 5, "most": 5, "name": "a", "who": "x\ny\nz"}]


def test_rows_are_laid_end_to_end_sorted_and_cut() -> None:
    tables = [pa.table({"n": [3, 1]}), pa.table({"n": pa.array([], pa.int64())}), pa.table({"n": [2]})]
    assert merged(tables, Merge())["n"].to_pylist() == [3, 1, 2]
    assert merged(tables, Merge((("n", "descending"),), 2))["n"].to_pylist() == [3, 2]
    assert merged(tables[1:2], Merge(group_by=("n",)))["n"].to_pylist() == []
