"""How large a B-tree will be, and how long its build takes: a model with deduplication.

HypoPG's own size knows no deduplication and is up to 12 times too large.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from trimtab.advise.index.existing import columns_of, unique_keys
from trimtab.advise.index.expression_share import ExpressionSample
from trimtab.advise.index.knowledge import costs
from trimtab.model.index import IndexDefinition, IndexKey
from trimtab.sql.catalog import Table

TUPLE_HEADER_BYTES = 8
NULLS_HEADER_BYTES = 16
"""With the bits that say which columns are NULL."""

LEAST_SHARE = 1e-4
LINE_POINTER_BYTES = 4
ROW_POINTER_BYTES = 6
UNKNOWN_WIDTH_BYTES = 16

FEW_ROWS_A_VALUE = 20.0
INNER_FILL = 0.7
BRIN_PAGES_A_RANGE = 128
BRIN_RANGE_BYTES = 16

_ALIGNMENTS = (("bigint", 8), ("timestamp", 8), ("double", 8), ("time", 8), ("integer", 4), ("date", 4), ("real", 4),
               ("oid", 4), ("smallint", 2))  # fmt: skip
"""Types that are not packed: they begin at a multiple of so many bytes."""

_NEVER_DEDUPLICATED = ("numeric", "real", "double precision", "jsonb")


def size_bytes(
    table: Table, definition: IndexDefinition, *, rows_share: float = 1.0, sample: ExpressionSample | None = None
) -> int:
    """The size of a freshly built B-tree, or BRIN.

    `rows_share` is the share of rows in a partial index. `sample` tells how wide and how varied its expression key is;
    else the expression is taken to be as varied as its columns.
    """
    figures = costs()
    if definition.method == "brin":
        ranges = math.ceil(table.pages / BRIN_PAGES_A_RANGE)
        return (2 + math.ceil(ranges * (BRIN_RANGE_BYTES + 2 * _width(table, definition.keys[0].sql)) / 8192)) * 8192
    rows = max(1.0, table.rows_estimate * rows_share)
    deduplicates = _deduplicates(table, definition)
    leaf_bytes = sum(
        _leaf_bytes(table, definition, rows * share, nulls, sample, deduplicates=deduplicates)
        for nulls, share in _null_patterns(table, definition)
    )
    keys = [(_key_width(table, key, sample), _alignment(table, key)) for key in definition.keys]
    pages = math.ceil(leaf_bytes / (figures.page_bytes * figures.leaf_fill))
    pivot_bytes = _aligned(TUPLE_HEADER_BYTES + _laid_out(keys)) + LINE_POINTER_BYTES
    inner = math.ceil(pages * pivot_bytes / (figures.page_bytes * INNER_FILL)) if pages > 1 else 0
    return (pages + inner + 1) * figures.page_bytes


def _null_patterns(table: Table, definition: IndexDefinition) -> list[tuple[frozenset[str], float]]:
    """Which columns are NULL together, and the share of rows that are so; taken to be NULL independently."""
    patterns: list[tuple[frozenset[str], float]] = [(frozenset(), 1.0)]
    for name in (*(key.sql for key in definition.keys if not key.is_expression), *definition.include):
        column = table.columns.get(name)
        share = column.statistics.null_share if column is not None and column.statistics is not None else 0.0
        if share > 0:
            patterns = [
                (nulls | more, part * of)
                for nulls, part in patterns
                for more, of in ((frozenset[str](), 1 - share), (frozenset((name,)), share))
                if part * of > LEAST_SHARE
            ]
    return patterns


def _leaf_bytes(
    table: Table,
    definition: IndexDefinition,
    rows: float,
    nulls: frozenset[str],
    sample: ExpressionSample | None,
    *,
    deduplicates: bool,
) -> float:
    """Tuples and line pointers of rows that have NULL in these columns: it takes no room but in the header."""
    header = NULLS_HEADER_BYTES if nulls else TUPLE_HEADER_BYTES
    there = [key for key in definition.keys if key.is_expression or key.sql not in nulls]
    keys = [(_key_width(table, key, sample), _alignment(table, key)) for key in there]
    included = [(_width(table, n), _alignment_of(table, n)) for n in definition.include if n not in nulls]
    plain_bytes = rows * (header + _padded([*keys, *included]) + LINE_POINTER_BYTES)
    if not deduplicates or rows < 1:
        return plain_bytes
    values = _distinct(table, there, sample)
    if len(there) > 1:  # not every combination occurs (Cardenas, 1975)
        values *= -math.expm1(-rows / values)
    key_bytes = header + _padded(keys)
    return min(plain_bytes, _deduplicated_bytes(rows, min(values, rows), key_bytes, costs().posting_bytes_max))


def _deduplicated_bytes(rows: float, values: float, key_bytes: float, posting_bytes_max: float) -> float:
    """Leaf tuples with line pointers: one for a value that is there once, lists of row pointers for the others.

    Each value is there once, and the other rows fall on values at random.
    """
    per_list = max(2.0, math.floor((posting_bytes_max - key_bytes) / ROW_POINTER_BYTES))

    def tuples_bytes(count: float) -> float:
        if count < 2:
            return key_bytes + LINE_POINTER_BYTES
        lists = math.ceil(count / per_list)
        return lists * (_aligned(key_bytes + ROW_POINTER_BYTES * count / lists) + LINE_POINTER_BYTES)

    more = max(0.0, rows / max(values, 1.0) - 1)
    if more > FEW_ROWS_A_VALUE:
        return values * tuples_bytes(more + 1)
    total, share = 0.0, math.exp(-more)
    for count in range(int(6 * FEW_ROWS_A_VALUE)):
        share *= more / count if count else 1.0
        total += share * tuples_bytes(count + 1)
    return values * total


def _laid_out(fields: Sequence[tuple[float, int]]) -> float:
    """Bytes of fields one behind the other, each at a multiple of its alignment."""
    place = 0.0
    for width, alignment in fields:
        place = math.ceil(place / alignment) * alignment + width
    return place


def _padded(fields: Sequence[tuple[float, int]]) -> float:
    """Bytes of a tuple's fields up to a multiple of 8. Average widths of packed types are cut to whole bytes, and
    values differ: half of them are taken to be a byte longer."""
    laid = _laid_out(fields)
    if all(alignment > 1 for _, alignment in fields):
        return _aligned(laid)
    return (_aligned(laid) + _aligned(laid + 1)) / 2


def _alignment(table: Table, key: IndexKey) -> int:
    return 1 if key.is_expression else _alignment_of(table, key.sql)


def _alignment_of(table: Table, name: str) -> int:
    column = table.columns.get(name)
    if column is None:
        return 1
    known = next((bytes_ for prefix, bytes_ in _ALIGNMENTS if column.type_name.startswith(prefix)), None)
    return known if known is not None else 1


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


def _distinct(table: Table, keys: Sequence[IndexKey], sample: ExpressionSample | None) -> float:
    product = 1.0
    for key in keys:
        if key.is_expression and sample is not None:
            product *= sample.distinct_count
            continue
        alone = IndexDefinition(table.schema, table.name, (key,))
        names = columns_of(alone) if key.is_expression else {key.sql}
        for name in names:
            product *= distinct_values(table, name)
    return product


def distinct_values(table: Table, name: str) -> float:
    """Different values of a column, at least 1: what statistics say, and no less than a unique key over it needs.

    ANALYZE guesses too few where equal values lie together: TPC-H's l_orderkey has four times what it says.
    """
    rows = table.rows_estimate
    column = table.columns.get(name)
    if column is None or column.statistics is None:
        return max(rows, 1.0)
    least = 1.0
    for index in table.indexes:
        keys = unique_keys(index.statement) if index.is_unique and index.is_valid else frozenset()
        others = [table.columns[key].statistics for key in keys - {name} if key in table.columns]
        known = [one.distinct_count(rows) for one in others if one is not None]
        if name in keys and len(known) == len(keys) - 1:
            least = max(least, rows / math.prod(known))
    return min(max(column.statistics.distinct_count(rows), least), max(rows, 1.0))
