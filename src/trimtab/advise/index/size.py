"""How large a B-tree will be, and how long its build takes: a model with deduplication.

HypoPG's own size knows no deduplication and is up to 12 times too large.
"""

from __future__ import annotations

import math

from trimtab.advise.index.existing import columns_of
from trimtab.advise.index.expression_share import ExpressionSample
from trimtab.advise.index.knowledge import costs
from trimtab.model.index import IndexDefinition, IndexKey
from trimtab.sql.catalog import Table

TUPLE_HEADER_BYTES = 8
LINE_POINTER_BYTES = 4
ROW_POINTER_BYTES = 6
UNKNOWN_WIDTH_BYTES = 16

_NEVER_DEDUPLICATED = ("numeric", "real", "double precision", "jsonb")


def size_bytes(
    table: Table, definition: IndexDefinition, *, rows_share: float = 1.0, sample: ExpressionSample | None = None
) -> int:
    """The size of a freshly built B-tree.

    `rows_share` is the share of rows in a partial index. `sample` tells how wide and how varied its expression key is;
    else the expression is taken to be as varied as its columns.
    """
    figures = costs()
    rows = max(1.0, table.rows_estimate * rows_share)
    width_bytes = _aligned(sum(_key_width(table, key, sample) for key in definition.keys))
    include_bytes = _aligned(sum(_width(table, name) for name in definition.include))
    plain_bytes = rows * (TUPLE_HEADER_BYTES + width_bytes + include_bytes + LINE_POINTER_BYTES)
    leaf_bytes = plain_bytes
    if _deduplicates(table, definition):
        combinations = _distinct(table, definition, sample)
        distinct = -combinations * math.expm1(-rows / combinations)  # not every combination occurs (Cardenas, 1975)
        per_list = max(1.0, (figures.posting_bytes_max - TUPLE_HEADER_BYTES - width_bytes) / ROW_POINTER_BYTES)
        lists = distinct * math.ceil(rows / distinct / per_list)
        head_bytes = TUPLE_HEADER_BYTES + width_bytes + LINE_POINTER_BYTES
        leaf_bytes = min(plain_bytes, lists * head_bytes + rows * ROW_POINTER_BYTES)
    pages = math.ceil(leaf_bytes / (figures.page_bytes * figures.leaf_fill) * figures.inner_factor)
    return (pages + 1) * figures.page_bytes


def build_time_s(table: Table, *, rows_share: float = 1.0) -> float:
    """Seconds that CREATE INDEX CONCURRENTLY takes, waiting for other transactions not counted."""
    figures = costs()
    scans_s = 2 * table.size_bytes / figures.scan_bytes_per_s
    return figures.build_fixed_s + scans_s + table.rows_estimate * rows_share / figures.sort_rows_per_s


def _width(table: Table, name: str) -> float:
    column = table.columns.get(name)
    if column is None or column.statistics is None:
        return UNKNOWN_WIDTH_BYTES
    return column.statistics.average_width_bytes


def _key_width(table: Table, key: IndexKey, sample: ExpressionSample | None) -> float:
    return sample.width_bytes if key.is_expression and sample is not None else _width(table, key.sql)


def _aligned(width_bytes: float) -> float:
    return math.ceil(width_bytes / 8) * 8


def _deduplicates(table: Table, definition: IndexDefinition) -> bool:
    if definition.include or definition.method != "btree":
        return False
    for key in definition.keys:
        column = table.columns.get(key.sql)
        if column is None:
            continue
        if column.type_name.startswith(_NEVER_DEDUPLICATED) or column.category == "A" or not column.deterministic:
            return False
    return True


def _distinct(table: Table, definition: IndexDefinition, sample: ExpressionSample | None) -> float:
    rows = table.rows_estimate
    product = 1.0
    for key in definition.keys:
        if key.is_expression and sample is not None:
            product *= sample.distinct_count
            continue
        alone = IndexDefinition(table.schema, table.name, (key,))
        names = columns_of(alone) if key.is_expression else {key.sql}
        for name in names:
            column = table.columns.get(name)
            statistics = column.statistics if column is not None else None
            product *= statistics.distinct_count(rows) if statistics is not None else rows
    return product
