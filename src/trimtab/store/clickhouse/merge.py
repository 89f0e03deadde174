"""Answers of shards become one table: laid end to end, rows of one key made one, sorted, cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trimtab.store.engine import Merge

if TYPE_CHECKING:
    import pyarrow as pa

_AGGREGATES = {"sum": "sum", "min": "min", "max": "max", "any": "first"}


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
    keys = list(merge.group_by or ())
    others = [name for name in table.column_names if name not in keys]
    wanted = [(name, _AGGREGATES[merge.how.get(name, "sum")]) for name in others]
    grouped = table.group_by(keys, use_threads=False).aggregate(wanted)
    names = {f"{name}_{how}": name for name, how in wanted}
    grouped = grouped.rename_columns([names.get(name, name) for name in grouped.column_names])
    return grouped.select(table.column_names)
