"""Two forms of a statement, run and compared without bringing rows to the client: the server hashes them.

A result is a count and two sums of 64-bit hashes of its rows as text (a multiset), or one MD5 over the hashes in order
where the order is total. Rows that are equal but written differently (1.0 and 1.00) count as different.
"""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
from pglast import ast

from trimtab.advise.index.session import Connection
from trimtab.advise.rewrite.knowledge import Knowledge
from trimtab.advise.rewrite.model import Check, Data, Outcome
from trimtab.advise.rewrite.query import Query
from trimtab.advise.rewrite.sorting import is_total_order
from trimtab.sql.literals import parameters_of
from trimtab.sql.scopes import spelled
from trimtab.sql.trees import single_statement

ROUNDED_DIGITS = -5
"""extra_float_digits for a second look: floats with ten digits, since sums of floats depend on the order of rows."""


@dataclass(frozen=True, slots=True)
class Pairing:
    """Both texts as they can be compared. `notes` say what was left away for that."""

    before: str
    after: str
    is_list: bool
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """A result without its rows."""

    rows: int
    hash: str


def pairing_of(before: str, after: str, knowledge: Knowledge) -> Pairing | str:
    """How two forms can be compared, or why they cannot."""
    if parameters_of(single_statement(before)):
        return "the statement has parameters: give one with values"
    query = Query.of(before, knowledge)
    is_list = is_total_order(query, query.top)
    if is_list or (query.tree.limitCount is None and query.tree.limitOffset is None):
        return Pairing(_bare(before), _bare(after), is_list)
    return Pairing(
        _unlimited(before),
        _unlimited(after),
        False,
        ("ORDER BY is not total, so that LIMIT takes rows by chance: all rows are compared, without LIMIT",),
    )


def compared(connection: Connection, pairing: Pairing, data: Data, seed: int | None = None) -> Check:
    """Run both forms in the transaction that is open and say whether they return the same."""
    kind = "list" if pairing.is_list else "multiset"
    try:
        before, after = (_result(connection, text, pairing.is_list) for text in (pairing.before, pairing.after))
        why = ""
        if before != after:
            with connection.transaction():
                connection.execute(f"SET LOCAL extra_float_digits = {ROUNDED_DIGITS}".encode())
                first, second = (_result(connection, text, pairing.is_list) for text in (pairing.before, pairing.after))
            if first == second:
                before, after, why = first, second, "floats compared with ten digits"
    except psycopg.Error as error:
        if connection.closed:
            raise
        return Check(data, Outcome.NOT_POSSIBLE, kind, seed=seed, why=_said(error))
    outcome = Outcome.SAME if before == after else Outcome.DIFFERENT
    if before.rows == after.rows == 0:
        why = "both are empty"
    if outcome is Outcome.DIFFERENT:
        why = f"{before.rows} rows before, {after.rows} after" if before.rows != after.rows else "other rows"
    return Check(data, outcome, kind, before.rows, (before.hash, after.hash), seed, why)


def _result(connection: Connection, text: str, is_list: bool) -> Result:
    of = "hashtextextended(trimtab_row::text, {})"
    if is_list:
        hashed = f"md5(coalesce(string_agg({of.format(0)}::text, ','), ''))"
    else:
        sums = (f"coalesce(sum({of.format(salt)}::numeric), 0)" for salt in (0, 7))
        hashed = " || ':' || ".join(sums)
    with connection.transaction():
        row = connection.execute(
            f"SELECT count(*), {hashed} FROM ({text}\n) AS trimtab_row".encode(), prepare=False
        ).fetchone()
    return Result(0, "") if row is None else Result(int(row[0]), str(row[1]))


def _said(error: psycopg.Error) -> str:
    """The server's words; messages that may quote values are left out."""
    code = error.sqlstate or ""
    if code == "57014":
        return "it did not end within the limit"
    return f"the server says: {error.diag.message_primary}" if code.startswith("42") else f"the server says {code}"


def _bare(text: str) -> str:
    return text.strip().rstrip(";")


def _unlimited(text: str) -> str:
    tree = single_statement(text)
    if isinstance(tree, ast.SelectStmt):
        tree.limitCount = tree.limitOffset = None
        tree.sortClause = None if not _is_distinct_on(tree) else tree.sortClause
    return spelled(tree)


def _is_distinct_on(tree: ast.SelectStmt) -> bool:
    return bool(tree.distinctClause and tree.distinctClause[0] is not None)
