"""How large a GIN index will be: from a sample of the keys that rows have.

A key is kept once, with the list of its rows: compressed, one to three bytes a row by how far apart they lie. A long
list gets pages of its own, so many keys of middling lists take a page each.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from trimtab.advise.index.session import Connection, rows_if_possible
from trimtab.model.index import IndexDefinition
from trimtab.sql.catalog import Table
from trimtab.sql.connect import OWN_MARK
from trimtab.sql.identifiers import qualified, quoted

ROWS_MAX = 2_000
PAGE_BYTES = 8192
KEY_BYTES = 32.0
"""A key with its tuple's head, line pointer and its part of free space."""

ENTRY_FILL = 0.6
"""Keys come in order, and GIN splits their pages in the middle: 2.0 MB on 250,000 documents with 5,000 values."""

LIST_BYTES_MAX = 2_700
"""A longer list moves to pages of its own."""

TREE_MORE = 1.3
"""Pages of lists that a build of several rounds leaves part empty: 51.3 MB on 250,000 texts with 4,600 trigrams."""


def sampled_size(connection: Connection, table: Table, definition: IndexDefinition) -> int | None:
    """Bytes of the index; None where there is nothing to sample, or no way to tell its keys."""
    keys = _keys_sql(table, definition)
    if keys is None or not table.readable or table.rows_estimate < 1:
        return None
    percent = min(100.0, 100.0 * ROWS_MAX / table.rows_estimate)
    column = quoted(definition.keys[0].sql)
    query = f"""
        WITH s AS MATERIALIZED (SELECT row_number() OVER () AS n, {column} AS v
               FROM {qualified(table.schema, table.name)} TABLESAMPLE SYSTEM ({percent:.6f}) REPEATABLE (1)
              LIMIT {ROWS_MAX})
        SELECT {OWN_MARK} (SELECT count(*) FROM s), c, count(*) FROM (SELECT count(*) AS c
               FROM (SELECT DISTINCT s.n, k.k FROM s, LATERAL ({keys}) AS k(k)) AS pairs GROUP BY k) AS g GROUP BY c"""
    found = rows_if_possible(connection, query, "sample the keys of a GIN index")
    if not found:
        return None
    counts = [(int(rows), int(many)) for _, rows, many in found]
    return size_of_keys(counts, float(found[0][0]), table.rows_estimate, max(1.0, float(table.pages)))


def _keys_sql(table: Table, definition: IndexDefinition) -> str | None:
    """A query of the keys of one value `s.v`."""
    opclass, column = definition.keys[0].opclass or "", table.columns[definition.keys[0].sql]
    if opclass.endswith("gin_trgm_ops"):
        schema = opclass.removesuffix("gin_trgm_ops")
        return f"SELECT unnest({schema}show_trgm(s.v))"
    if opclass == "jsonb_path_ops":
        leaf = "jsonb_typeof(l) NOT IN ('object', 'array')"
        return f"SELECT l::text FROM jsonb_path_query(s.v, '$.**') AS l WHERE {leaf}"
    if column.category == "A":
        return "SELECT unnest(s.v)"
    return "SELECT unnest(tsvector_to_array(s.v))" if column.type_name == "tsvector" else None


def size_of_keys(counts: Sequence[tuple[int, int]], sampled: float, rows: float, pages: float) -> int:
    """Bytes, by how many keys (second) occur in how many of the sampled rows (first).

    Keys seen once stand for those that were not seen: their number as ANALYZE estimates it (Haas and Stokes, 1998).

    >>> size_of_keys([(1000, 3)], 1000, 100_000, 1000) < 100_000 * 3 * 1.6
    True
    """
    factor = max(1.0, rows / max(sampled, 1.0))
    seen = float(sum(count * many for count, many in counts))
    different = float(sum(many for _, many in counts))
    once = float(sum(many for count, many in counts if count == 1))
    whole = seen * different / max(1.0, seen - once + once / factor)
    rare = max(once, min(whole, once * factor + different - once) - (different - once))
    total = _key_bytes(once * factor / rare, pages) * rare if rare else 0.0
    total += sum(_key_bytes(count * factor, pages) * many for count, many in counts if count > 1)
    return int(PAGE_BYTES * 4 + total)


def _key_bytes(rows: float, pages: float) -> float:
    apart = max(pages / rows, 1.0) * 2048
    a_row = 1 + min(1.0, pages / rows) * math.exp(-128 / apart)
    a_row += math.exp(-16_384 / apart) + math.exp(-2_097_152 / apart) if rows < pages else 0.0
    list_bytes = 6 + rows * a_row
    if list_bytes <= LIST_BYTES_MAX:
        return (KEY_BYTES + list_bytes) / ENTRY_FILL
    return KEY_BYTES + max(1.0, list_bytes / PAGE_BYTES) * PAGE_BYTES * TREE_MORE
