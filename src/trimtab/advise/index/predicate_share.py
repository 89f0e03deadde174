"""How many rows fulfil conditions, counted on a sample of the table.

No statistics tell how two columns compare, what a pattern leaves over, or how often two conditions hold together; the
size of a partial index rests on just that.
"""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.advise.index.session import Connection, rows_if_possible
from trimtab.sql.catalog import Table
from trimtab.sql.connect import OWN_MARK
from trimtab.sql.identifiers import qualified

PAGES = 200
"""Pages read for one sample, chosen at random."""

ROWS_MIN = 200
"""Of fewer rows a share says little."""


def sample_shares(connection: Connection, table: Table, conditions: Sequence[str]) -> list[float] | None:
    """The share of rows, above 0 and up to 1, that fulfils each condition.

    None where the role may not read, there are too few rows, or a condition fails on some row.
    """
    percent = min(100.0, 100.0 * PAGES / max(1, table.pages or table.size_bytes // 8192))
    counted = ", ".join(f"count(*) FILTER (WHERE {condition})" for condition in conditions)
    query = f"""SELECT {OWN_MARK} count(*), {counted} FROM {qualified(table.schema, table.name)}
                TABLESAMPLE SYSTEM ({percent:.6f}) REPEATABLE (1)"""
    found = rows_if_possible(connection, query, "sample conditions")
    row = found[0] if found else None
    if row is None or row[0] < ROWS_MIN:
        return None
    return [max(float(count), 0.5) / float(row[0]) for count in row[1:]]
