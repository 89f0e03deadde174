"""How varied an expression is, from a small sample of the table.

Without statistics on an expression PostgreSQL takes `expression = value` for 0.5 % of the rows, whatever it is; so a
what-if price of an expression index says little. A few hundred pages of the table say more.
"""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.advise.index.session import Connection, rows_if_possible
from trimtab.sql.catalog import Table
from trimtab.sql.conditions import Term
from trimtab.sql.connect import OWN_MARK
from trimtab.sql.identifiers import qualified

PAGES = 200
"""Pages read for one sample, chosen at random."""

ROWS_MAX = 20_000


@dataclass(frozen=True, slots=True)
class ExpressionSample:
    """`distinct_count` different values in the whole table, estimated from `rows_count` rows.

    `equality_share` is the share of rows (0..1) that equal a value drawn as the rows are; `width_bytes` the average
    size of a value.
    """

    rows_count: int
    distinct_count: float
    equality_share: float
    width_bytes: float


def sample_expression(connection: Connection, table: Table, term: Term) -> ExpressionSample | None:
    """Read a sample; None where the role may not, the table is empty, or the expression fails on some row.

    The number of distinct values is estimated as ANALYZE does (Haas and Stokes, 1998): n·d / (n - f1 + f1·n/N).
    """
    percent = min(100.0, 100.0 * PAGES / max(1, table.pages or table.size_bytes // 8192))
    query = f"""
        SELECT {OWN_MARK} count(*), coalesce(sum(c), 0)::float8, count(*) FILTER (WHERE c = 1), sum(c * c)::float8,
               (sum(w) / nullif(sum(c), 0))::float8
          FROM (SELECT count(*) AS c, sum(pg_column_size(e)) AS w FROM (
                SELECT ({term.sql}) AS e FROM {qualified(table.schema, table.name)}
                TABLESAMPLE SYSTEM ({percent:.6f}) REPEATABLE (1) LIMIT {ROWS_MAX}) AS s
                WHERE e IS NOT NULL GROUP BY e) AS g"""
    found = rows_if_possible(connection, query, "sample an expression")
    distinct, rows, once, squares, width_bytes = found[0] if found else (0, 0.0, 0, 0.0, 0.0)
    if not rows:
        return None
    total = max(rows, table.rows_estimate)
    estimated = rows * distinct / max(1.0, rows - once + once * rows / total)
    repeated = max(0.0, (squares - rows) / (rows * max(1.0, rows - 1)))
    return ExpressionSample(int(rows), max(1.0, min(total, estimated)), max(1 / total, repeated), float(width_bytes))
