"""Answers of shards become one table: laid end to end, rows of one key made one, sorted, cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trimtab.store.engine import Merge

if TYPE_CHECKING:
    import pyarrow as pa

_ALL = "all rows"
_AGGREGATES = {"sum": "sum", "min": "min", "max": "max", "any": "first", "lines": "list"}


def merged(tables: Sequence[pa.Table], merge: Merge) -> pa.Table:
    """One table of at least one.

    >>> import pyarrow as pa
    >>> tables = [pa.table({"k": ["a", "b"], "n": [1, 2]}), pa.table({"k": ["b", "c"], "n": [40, 3]})]
    >>> merged(tables, Merge((("n", "descending"),), limit=2, group_by=("k",))).to_pydict()
    {'k': ['b', 'c'], 'n': [42, 3]}
    """
    import pyarrow as pa

    filled = [table for table in tables if table.num_columns]
    if not filled:
        return tables[0]
    table = pa.concat_tables(filled, promote_options="permissive")
    if merge.group_by is not None and table.num_rows > 0:
        table = _grouped(table, merge)
    if merge.order_by:
        table = table.sort_by(list(merge.order_by))
    return table if merge.limit is None else table.slice(0, merge.limit)


def _grouped(table: pa.Table, merge: Merge) -> pa.Table:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    names = table.column_names
    keys = list(merge.group_by or ())
    others = [name for name in names if name not in keys]
    if not keys:  # some aggregates are only for groups
        keys = [_ALL]
        table = table.append_column(_ALL, pa.array(np.zeros(table.num_rows, np.int8)))
    wanted = [(name, _AGGREGATES[merge.how.get(name, "sum")]) for name in others]
    grouped = table.group_by(keys, use_threads=False).aggregate(wanted)
    columns = {name: grouped[name] for name in keys}
    for name, how in wanted:
        column = grouped[f"{name}_{how}"]
        columns[name] = pa.chunked_array([pc.binary_join(column.combine_chunks(), "\n")]) if how == "list" else column
    return pa.table({name: columns[name] for name in names})
