"""What statements took so far, where the server counts it (pg_stat_statements): better weights than any model's."""

from __future__ import annotations

from collections.abc import Collection

from trimtab.advise.index.session import Connection, rows_if_possible, server_errors
from trimtab.sql.connect import OWN_MARK
from trimtab.sql.fingerprint import fingerprint
from trimtab.sql.identifiers import quoted

STATEMENTS_MAX = 5_000
TEXT_LETTERS_MAX = 20_000
CALLS_MIN = 3


def mean_times_ms(connection: Connection, shape_ids: Collection[str]) -> dict[str, float]:
    """Mean execution times by fingerprint; none where the extension is not there or may not be read."""
    schema = f"""SELECT n.nspname FROM {OWN_MARK} pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
                  WHERE e.extname = 'pg_stat_statements'"""
    with server_errors(connection, "look for pg_stat_statements"):
        row = connection.execute(schema.encode(), prepare=False).fetchone()
    if row is None:
        return {}
    query = f"""SELECT query, calls, mean_exec_time FROM {OWN_MARK} {quoted(str(row[0]))}.pg_stat_statements
                 WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
                   AND calls >= {CALLS_MIN} AND length(query) <= {TEXT_LETTERS_MAX}
                 ORDER BY total_exec_time DESC LIMIT {STATEMENTS_MAX}"""
    rows = rows_if_possible(connection, query, "read pg_stat_statements")
    if rows is None:
        return {}  # not preloaded, or of another version: the model's times serve
    counts: dict[str, float] = {}
    totals: dict[str, float] = {}
    for text, calls, mean_ms in rows:
        shape_id = fingerprint(str(text))
        if shape_id in shape_ids and shape_id is not None:
            counts[shape_id] = counts.get(shape_id, 0.0) + float(calls)
            totals[shape_id] = totals.get(shape_id, 0.0) + float(calls) * float(mean_ms)
    return {shape_id: totals[shape_id] / count for shape_id, count in counts.items()}
